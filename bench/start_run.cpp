#include "start_run.hpp"

#include "parrhesia/base/bytes.hpp"

#include "client.hpp"
#include "loop.hpp"
#include "process_use.hpp"
#include "relay_message.hpp"
#include "relay_process.hpp"
#include "stores.hpp"
#include "unsigned_events.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <stdexcept>
#include <vector>

namespace parrhesia::bench {
namespace {

// Large, because each batch is a durable commit.
constexpr std::uint64_t kBatch = 5000;
constexpr auto kStartLimit = std::chrono::seconds(300);
constexpr auto kAnswerLimit = std::chrono::seconds(60);

using Batch = std::vector<event::EventPtr>;

Batch make_batch(const UnsignedEvents& events, std::uint64_t first, std::uint64_t end) {
    Batch batch;
    for (std::uint64_t number = first; number < end; ++number) batch.push_back(events.make(number));
    return batch;
}

// Takes the files of a folder out of the page cache, as far as the system heeds advice.
void forget_pages(const std::string& folder) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (!entry.is_regular_file()) continue;
        const int file = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
        if (file < 0) continue;
        ::fdatasync(file);  // dirty pages would stay
        ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
        ::close(file);
    }
}

// One connection, one REQ, its answer up to EOSE.
class FirstRequest final : private Client::Handler {
  public:
    explicit FirstRequest(const std::string& url) : target_(Target::from_url(url)) {}

    // The events, as JSON. Errors: throws std::runtime_error.
    [[nodiscard]] std::vector<std::string> ask(const std::string& filter) {
        request_ = fmt::format(R"(["REQ","first",{}])", filter);
        Client::Handler& self = *this;
        Client client(loop_, self, traffic_, 0);
        client.start(target_);
        loop_.schedule(Clock::now() + kAnswerLimit, [this](TimePoint) {
            trouble_ = "no answer in time";
            loop_.stop();
            return TimePoint::max();
        });
        loop_.run();
        if (!trouble_.empty()) throw std::runtime_error("the first REQ: " + trouble_);
        return std::move(events_);
    }

  private:
    void on_open(Client& client) override { client.send_text(request_); }
    void on_text(Client& /*client*/, std::string_view text) override {
        const RelayMessage message = parse_relay_message(text);
        if (message.type == RelayMessage::Type::event) {
            events_.emplace_back(message.rest);
            return;
        }
        if (message.type != RelayMessage::Type::eose) trouble_ = std::string(text.substr(0, 200));
        loop_.stop();
    }
    void on_lost(Client& /*client*/, std::string_view reason) override {
        trouble_ = std::string(reason);
        loop_.stop();
    }

    const Target target_;
    Loop loop_;
    Traffic traffic_;
    std::string request_;
    std::vector<std::string> events_;
    std::string trouble_;
};

double milliseconds(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e6; }

class StartRun {
  public:
    explicit StartRun(const StartOptions& options)
        : options_(options), events_(options.filled.seed) {
        report_.mode = "start";
        report_.name = options.filled.name.empty() ? report_.mode : options.filled.name;
        report_.unit = "start";
    }

    [[nodiscard]] Report run() {
        const std::uint64_t last = options_.filled.events - 1;
        filter_ = fmt::format(R"({{"ids":["{}","{}"]}})", base::to_hex(events_.id_of(0)),
                              base::to_hex(events_.id_of(last)));
        const TimePoint begin = Clock::now();
        for (std::size_t i = 0; i < options_.starts; ++i) {
            forget_pages(options_.filled.folder);
            start_once("cold");
            start_once("warm");
        }
        const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
        const double done = 2 * static_cast<double>(options_.starts);
        report_.set("done", done);
        report_.set("seconds", seconds);
        report_.set("events", static_cast<double>(options_.filled.events));
        report_.set_latency(latency_);
        return report_;
    }

  private:
    void start_once(std::string_view which) {
        const TimePoint begin = Clock::now();
        RelayProcess relay({options_.relay, "relay", "--set", "relay.port=0", "--set",
                            "admin.port=0", "--set", "log.level=warn", "--set",
                            "store.path=" + options_.filled.folder});
        const std::string url = relay.wait_until_listening(kStartLimit);
        const std::uint64_t ready = nanoseconds_since(begin, Clock::now());
        std::vector<std::string> answer = FirstRequest(url).ask(filter_);
        const std::uint64_t answered = nanoseconds_since(begin, Clock::now());

        latency_.record(ready);
        worst(fmt::format("ready_{}_max_ms", which), milliseconds(ready));
        worst(fmt::format("first_answer_{}_max_ms", which), milliseconds(answered));
        const ProcessUse use = use_of(relay.pid());
        worst("start_cpu_max_ms", use.cpu_seconds * 1000);
        worst("resident_mb", static_cast<double>(use.resident_bytes) / 1e6);
        check(std::move(answer));
        if (!relay.stop()) report_.failures.emplace_back("the relay did not end with exit code 0");
    }
    void worst(const std::string& figure, double value) {
        // The other way round, a NaN would stay.
        report_.set(figure, report_.get(figure) > value ? report_.get(figure) : value);
    }
    void check(std::vector<std::string> answer) {
        const std::uint64_t last = options_.filled.events - 1;
        std::vector<std::string> expected{std::string(events_.make(last)->json())};
        if (last != 0) expected.emplace_back(events_.make(0)->json());
        // Which is the newer one is not told when a store of a few events has them in one second.
        std::sort(answer.begin(), answer.end());
        std::sort(expected.begin(), expected.end());
        if (answer == expected) return;
        report_.failures.push_back(fmt::format(
            "the first REQ, of the oldest and the newest event, got {} events, or others",
            answer.size()));
    }

    const StartOptions options_;
    const UnsignedEvents events_;
    std::string filter_;
    Histogram latency_;
    Report report_;
};

}  // namespace

Report run_fill(const FillOptions& options) {
    if (options.events == 0) throw std::runtime_error("--events 0: at least 1 is needed");
    const auto store = open_new_store(options.folder);
    if (const std::uint64_t events = store->stats().events; events != 0) {
        throw std::runtime_error(fmt::format("{}: holds {} events already; choose another folder",
                                             options.folder, events));
    }
    const UnsignedEvents events(options.seed);
    Report report;
    report.mode = "fill";
    report.name = options.name.empty() ? report.mode : options.name;
    report.unit = "event";
    const double cpu_before = use_of(::getpid()).cpu_seconds;
    const TimePoint begin = Clock::now();
    const auto make_from = [&](std::uint64_t first) {
        return make_batch(events, first, std::min(first + kBatch, options.events));
    };
    std::future<Batch> next = std::async(std::launch::async, make_from, std::uint64_t{0});
    for (std::uint64_t done = 0; done < options.events;) {
        const Batch batch = next.get();
        done += batch.size();
        next = std::async(std::launch::async, make_from, done);
        for (const store::PutResult& result : store->put(batch)) {
            if (result.status == store::PutStatus::stored) continue;
            throw std::runtime_error(
                fmt::format("{}: an event of the first {} was not stored: {}", options.folder, done,
                            result.error ? result.error.message() : "it was there already"));
        }
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    const store::StoreStats stats = store->stats();
    report.set("done", static_cast<double>(options.events));
    report.set("seconds", seconds);
    report.set("rate", static_cast<double>(options.events) / seconds);
    report.set("own_cpu_seconds", use_of(::getpid()).cpu_seconds - cpu_before);
    report.set("bytes_on_disk", static_cast<double>(stats.bytes_on_disk));
    report.set("bytes_per_event",
               static_cast<double>(stats.bytes_on_disk) / static_cast<double>(options.events));
    if (stats.events != options.events) {
        report.failures.push_back(
            fmt::format("{} events stored, {} put", stats.events, options.events));
    }
    return report;
}

Report run_start(const StartOptions& options) {
    if (!std::filesystem::is_directory(options.filled.folder)) {
        throw std::runtime_error(fmt::format(
            "{0}: there is no store; parrhesia_bench fill --store {0} --events {1} makes it",
            options.filled.folder, options.filled.events));
    }
    return StartRun(options).run();
}

}  // namespace parrhesia::bench
