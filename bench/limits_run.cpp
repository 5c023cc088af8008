#include "limits_run.hpp"

#include "parrhesia/event/verify.hpp"

#include "app/corpus.hpp"
#include "histogram.hpp"
#include "loop.hpp"
#include "process_use.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <vector>

namespace parrhesia::bench {
namespace {

double seconds_since(TimePoint start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

[[noreturn]] void fail(std::string_view what) {
    throw std::runtime_error(fmt::format("{}: {}", what, std::strerror(errno)));
}

// One thread; CPU time, so that what else runs on the machine does not count.
void measure_verify(Report& report) {
    app::Corpus corpus(99, 200, 1);
    const std::vector<event::EventPtr> events = corpus.chunk();
    const double cpu_start = use_of(::getpid()).cpu_seconds;
    const TimePoint start = Clock::now();
    std::size_t count = 0;
    while (seconds_since(start) < 2) {
        for (const event::EventPtr& event : events) {
            if (!event::verify_signature(*event)) {
                report.failures.emplace_back("a good signature was refused");
            }
        }
        count += events.size();
    }
    const double cpu = use_of(::getpid()).cpu_seconds - cpu_start;
    report.set("verify_us", 1e6 * cpu / static_cast<double>(count));
    report.set("verify_per_second", static_cast<double>(count) / seconds_since(start));
}

// What a small commit of a store costs at least: a few pages, then fdatasync.
void measure_sync(Report& report, const std::string& folder) {
    const std::string path = folder + "/parrhesia_bench_sync";
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) fail(path);
    const std::string page(4096, 'x');
    Histogram latency;
    const TimePoint begin = Clock::now();
    for (int i = 0; i < 2000 && seconds_since(begin) < 3; ++i) {
        const off_t at = static_cast<off_t>(page.size()) * (i % 256);
        if (::pwrite(file, page.data(), page.size(), at) < 0) fail(path);
        const TimePoint start = Clock::now();
        if (::fdatasync(file) != 0) fail(path);
        latency.record(nanoseconds_since(start, Clock::now()));
    }
    ::close(file);
    ::unlink(path.c_str());
    report.set("fdatasync_p50_us", static_cast<double>(latency.at_fraction(0.5)) / 1000);
    report.set("fdatasync_p99_us", static_cast<double>(latency.at_fraction(0.99)) / 1000);
}

// One TCP connection on loopback, one thread at each end, 64 KiB at a time.
void measure_loopback(Report& report) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener, generic, size) != 0 || ::listen(listener, 1) != 0 ||
        ::getsockname(listener, generic, &size) != 0) {
        fail("a loopback socket");
    }
    const int sender = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(sender, generic, size) != 0) fail("connect on loopback");
    const int receiver = ::accept(listener, nullptr, nullptr);
    if (receiver < 0) fail("accept on loopback");

    std::thread sending([sender] {
        const std::vector<char> block(64U << 10U, 'x');
        const TimePoint start = Clock::now();
        while (seconds_since(start) < 1) {
            if (::send(sender, block.data(), block.size(), MSG_NOSIGNAL) < 0) break;
        }
        ::close(sender);
    });
    std::vector<char> block(64U << 10U);
    double bytes = 0;
    const TimePoint start = Clock::now();
    for (ssize_t count = 0; (count = ::recv(receiver, block.data(), block.size(), 0)) > 0;) {
        bytes += static_cast<double>(count);
    }
    report.set("loopback_mb_per_second", bytes / 1e6 / seconds_since(start));
    sending.join();
    ::close(receiver);
    ::close(listener);
}

}  // namespace

Report run_limits(const std::string& folder) {
    Report report;
    report.name = report.mode = "limits";
    report.unit = "verification";
    measure_verify(report);
    measure_sync(report, folder);
    measure_loopback(report);
    std::array<double, 3> load{};
    if (::getloadavg(load.data(), 3) == 3) report.set("load_average", load[0]);
    report.set("cores", static_cast<double>(std::thread::hardware_concurrency()));
    report.set("rate", report.get("verify_per_second"));
    return report;
}

}  // namespace parrhesia::bench
