#include "ingest_run.hpp"

#include "relay_message.hpp"

#include <fmt/format.h>

namespace parrhesia::bench {

IngestRun::IngestRun(const IngestOptions& options)
    : Run(options.common), settings_(options), events_(EventTable::load(options.corpus)) {
    std::string text;
    for (std::size_t i = 0; i < events_.size(); ++i) {
        text = R"(["EVENT",)";
        text += events_[i].json();
        text += ']';
        append_client_frame(frames_, Opcode::text, text,
                            static_cast<std::uint32_t>(i * 2654435761U));
        frame_ends_.push_back(frames_.size());
    }
    states_.resize(events_.size());
    due_.resize(events_.size());
}

Report IngestRun::run() {
    open_clients(settings_.connections);
    start_clock();
    if (settings_.rate > 0) {
        const std::chrono::duration<double> interval(1 / settings_.rate);
        const TimePoint start = Clock::now();
        loop_.schedule(start, [this, start, interval](TimePoint now) {
            const auto due_at = [&](std::size_t number) {
                return start + std::chrono::duration_cast<Clock::duration>(
                                   interval * static_cast<double>(number));
            };
            while (next_ < events_.size() && due_at(next_) <= now) {
                send_next(client(next_ % client_count()), due_at(next_));
            }
            return next_ < events_.size() ? due_at(next_) : TimePoint::max();
        });
    } else {
        for (std::size_t i = 0; i < settings_.in_flight; ++i) {
            for (std::size_t c = 0; c < client_count(); ++c) send_next(client(c), Clock::now());
        }
    }
    const bool is_complete = run_until_quiet(std::chrono::seconds(15));

    Report report = make_report("ingest", "event", answered_);
    report.set("in_flight", static_cast<double>(settings_.in_flight));
    report.set("superseded", static_cast<double>(superseded_));
    if (!is_complete) fail_if(report, events_.size() - answered_, "events without an OK for 15 s");
    fail_if(report, refused_, "events refused, the first with " + first_refusal_);
    fail_if(report, known_, "events were stored before: use an empty relay, or other events");
    fail_if(report, repeated_, "events answered twice");
    fail_if(report, unknown_, "answers that nothing asked for");
    return report;
}

void IngestRun::send_next(Client& client, TimePoint due) {
    if (next_ == events_.size()) return;
    const std::size_t number = next_++;
    const std::size_t begin = number == 0 ? 0 : frame_ends_[number - 1];
    states_[number] = State::sent;
    due_[number] = due;
    client.send_frames(std::string_view(frames_).substr(begin, frame_ends_[number] - begin));
}

void IngestRun::on_text(Client& client, std::string_view text) {
    const RelayMessage message = parse_relay_message(text);
    if (message.type == RelayMessage::Type::ok) {
        return on_ok(client, message.name, message.is_accepted, message.rest);
    }
    if (unknown_++ == 0) first_refusal_ = std::string(text.substr(0, 200));
}

void IngestRun::on_ok(Client& client, std::string_view hex_id, bool is_accepted,
                      std::string_view words) {
    const TimePoint now = Clock::now();
    const auto number = events_.find(hex_id);
    if (!number || states_[*number] == State::waiting) {
        ++unknown_;
        return;
    }
    if (states_[*number] == State::answered) {
        ++repeated_;
        return;
    }
    states_[*number] = State::answered;
    latency_.record(nanoseconds_since(due_[*number], now));
    count_done(now);
    ++answered_;
    // Relays differ in whether a superseded event is an OK true.
    const bool is_known = words.starts_with("\"duplicate:") || words.starts_with("\"replaced:");
    const bool is_regular = event::class_of(events_[*number].kind()) == event::KindClass::regular;
    if (is_known) {
        ++(is_regular ? known_ : superseded_);
    } else if (!is_accepted && refused_++ == 0) {
        first_refusal_ = std::string(words);
    }
    if (settings_.rate <= 0) send_next(client, now);
    if (answered_ == events_.size()) loop_.stop();
}

}  // namespace parrhesia::bench
