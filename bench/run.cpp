#include "run.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

namespace parrhesia::bench {
namespace {

constexpr std::size_t kOpeningAtOnce = 128;
constexpr auto kSlice = std::chrono::milliseconds(100);

}  // namespace

Run::Run(const CommonOptions& options)
    : options_(options), target_(Target::from_url(options.url)) {}

void Run::start_next() {
    if (clients_.size() == to_open_) return;
    Client::Handler& self = *this;  // std::make_unique() may not make this conversion
    clients_.push_back(std::make_unique<Client>(loop_, self, traffic_, clients_.size()));
    clients_.back()->start(open_at_[clients_.size() % open_at_.size()]);
}

void Run::open_clients(std::size_t count, const std::vector<std::string>& urls) {
    open_at_.clear();
    for (const std::string& url : urls) open_at_.push_back(Target::from_url(url));
    if (open_at_.empty()) open_at_.push_back(target_);
    to_open_ = clients_.size() + count;
    const std::size_t first = std::min(count, kOpeningAtOnce);
    for (std::size_t i = 0; i < first; ++i) start_next();
    last_done_ = Clock::now();
    const bool is_done = run_until_quiet(std::chrono::seconds(15));
    if (lost_ > 0 || !is_done) {
        throw std::runtime_error(fmt::format(
            "{}: {} of {} connections could be opened: {}", options_.url, opened_, to_open_,
            lost_ > 0 ? lost_reason_ : "no answer for 15 s; is the relay listening there?"));
    }
}

void Run::on_open(Client& /*client*/) {
    ++opened_;
    last_done_ = Clock::now();
    start_next();
    if (opened_ == to_open_) loop_.stop();
}

void Run::on_lost(Client& /*client*/, std::string_view reason) {
    if (lost_++ == 0) lost_reason_ = reason;
    if (opened_ < to_open_) loop_.stop();
}

void Run::start_clock() {
    traffic_ = {};
    done_per_slice_.clear();
    if (options_.pid != 0) server_start_ = use_of(options_.pid);
    own_start_ = use_of(::getpid());
    start_ = last_done_ = Clock::now();
}

void Run::count_done(TimePoint now, std::uint64_t count) {
    last_done_ = now;
    const auto slice = static_cast<std::size_t>((now - start_) / kSlice);
    if (slice >= done_per_slice_.size()) done_per_slice_.resize(slice + 1);
    done_per_slice_[slice] += count;
}

bool Run::run_until_quiet(std::chrono::seconds quiet) {
    bool is_quiet = false;
    bool is_running = true;
    loop_.schedule(last_done_ + quiet, [&, quiet](TimePoint now) {
        if (!is_running) return TimePoint::max();
        is_quiet = now - last_done_ >= quiet;
        if (is_quiet) loop_.stop();
        return is_quiet ? TimePoint::max() : last_done_ + quiet;
    });
    loop_.run();
    is_running = false;
    loop_.forget_tasks();
    return !is_quiet;
}

Report Run::make_report(std::string_view mode, std::string_view unit, std::uint64_t done) {
    Report report;
    report.mode = mode;
    report.name = options_.name.empty() ? mode : options_.name;
    report.unit = unit;
    const double seconds = std::chrono::duration<double>(last_done_ - start_).count();
    report.set("done", static_cast<double>(done));
    report.set("seconds", seconds);
    if (done > 0 && seconds > 0) report.set("rate", static_cast<double>(done) / seconds);
    report.set_latency(latency_);
    if (options_.pid != 0) {
        const ProcessUse now = use_of(options_.pid);
        const double cpu = now.cpu_seconds - server_start_.cpu_seconds;
        report.set("server_cpu_seconds", cpu);
        if (done > 0) report.set("server_cpu_us", 1e6 * cpu / static_cast<double>(done));
        report.set("server_dirtied_bytes",
                   static_cast<double>(now.dirtied_bytes - server_start_.dirtied_bytes));
        report.set("resident_mb", static_cast<double>(now.resident_bytes) / 1e6);
        report.set("resident_before_mb", static_cast<double>(server_start_.resident_bytes) / 1e6);
        report.set("anonymous_mb", static_cast<double>(now.anonymous_bytes) / 1e6);
        report.set("anonymous_before_mb", static_cast<double>(server_start_.anonymous_bytes) / 1e6);
    }
    report.set("own_cpu_seconds", use_of(::getpid()).cpu_seconds - own_start_.cpu_seconds);
    report.set("received_bytes", static_cast<double>(traffic_.received_bytes));
    report.set("sent_bytes", static_cast<double>(traffic_.sent_bytes));
    report.set("connections", static_cast<double>(clients_.size()));
    for (const std::uint64_t count : done_per_slice_) {
        report.per_second.push_back(static_cast<double>(count) /
                                    std::chrono::duration<double>(kSlice).count());
    }
    fail_if(report, lost_, "connections lost, the first: " + lost_reason_);
    return report;
}

void Run::fail_if(Report& report, std::uint64_t count, std::string_view what) {
    if (count > 0) report.failures.push_back(fmt::format("{} {}", count, what));
}

}  // namespace parrhesia::bench
