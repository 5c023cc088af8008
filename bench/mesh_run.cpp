#include "mesh_run.hpp"

#include "parrhesia/base/log.hpp"
#include "parrhesia/base/metrics.hpp"
#include "parrhesia/event/kind.hpp"
#include "parrhesia/event/verify.hpp"
#include "parrhesia/mesh/mesh.hpp"

#include "loop.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace parrhesia::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBatch = 100;       // events of one commit
constexpr std::size_t kDifferent = 4096;  // events; signing more would take longer than the run
constexpr std::chrono::seconds kPatience{20};

std::set<int> threads_named(const std::string& name) {
    std::set<int> ids;
    for (const auto& entry : fs::directory_iterator("/proc/self/task")) {
        std::string found;
        std::getline(std::ifstream(entry.path() / "comm") >> std::ws, found);
        if (found == name) ids.insert(std::stoi(entry.path().filename().string()));
    }
    return ids;
}

double cpu_seconds_of(int thread) {
    double nanoseconds = 0;
    std::ifstream(fmt::format("/proc/self/task/{}/schedstat", thread)) >> nanoseconds;
    return nanoseconds / 1e9;
}

class CountingSink final : public mesh::RemoteSink {
  public:
    void take(std::vector<fanout::Published> events, std::function<void()> done) override {
        for (const auto& event : events) {
            const std::uint64_t seq = event.position.seq;
            if (seq != last_ + 1) misplaced_.fetch_add(1, std::memory_order_relaxed);
            last_ = seq;
        }
        batches_.fetch_add(1, std::memory_order_relaxed);
        taken_.fetch_add(events.size(), std::memory_order_release);
        done();
    }
    [[nodiscard]] std::uint64_t taken() const { return taken_.load(std::memory_order_acquire); }
    [[nodiscard]] std::uint64_t batches() const { return batches_; }
    // Neither the first nor the one after that which came before.
    [[nodiscard]] std::uint64_t misplaced() const { return misplaced_; }

  private:
    std::uint64_t last_ = 0;  // owned by the mesh's thread
    std::atomic<std::uint64_t> taken_{0};
    std::atomic<std::uint64_t> batches_{0};
    std::atomic<std::uint64_t> misplaced_{0};
};

struct Member {
    Member(std::uint8_t number, const MeshOptions& settings, std::vector<std::string> targets) {
        const std::set<int> before = threads_named("mesh");
        mesh::MeshOptions options;
        options.cluster = "bench";
        options.node.bytes.fill(number);
        options.boot = 1;
        options.listen_port = 0;
        options.shared_database = !settings.own_stores;
        options.log_id = "bench";
        options.targets = std::move(targets);
        options.secret.fill(7);
        options.tls = settings.tls == "off" ? mesh::Tls::off : mesh::Tls::psk;
        mesh = std::make_unique<mesh::Mesh>(options, sink, registry);
        mesh->start();
        wait("a thread of the mesh", [&] {
            for (const int id : threads_named("mesh")) {
                if (!before.contains(id)) thread = id;
            }
            return thread != 0;
        });
    }
    static void wait(const char* what, const std::function<bool()>& condition) {
        for (const auto end = Clock::now() + kPatience; !condition();) {
            if (Clock::now() > end) throw std::runtime_error(fmt::format("{}: in vain", what));
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }
    [[nodiscard]] bool is_linked() const {
        const auto peers = mesh->status().peers;
        return !peers.empty() && peers[0].state == "up";
    }

    base::MetricsRegistry registry;
    CountingSink sink;
    std::unique_ptr<mesh::Mesh> mesh;
    int thread = 0;
};

// Of that size as JSON, within a few bytes.
std::vector<event::EventPtr> make_events(std::size_t bytes) {
    const auto key = event::Keypair::from_seed("mesh bench");
    const auto make = [&key](std::size_t number, std::size_t padding) {
        return event::sign_event(key,
                                 {.created_at = 1'700'000'000 + static_cast<std::int64_t>(number),
                                  .kind = 1,
                                  .content = std::string(padding, 'x')});
    };
    const std::size_t bare = make(0, 0)->json().size();
    std::vector<event::EventPtr> events;
    for (std::size_t i = 0; i < kDifferent; ++i) {
        events.push_back(make(i, bytes > bare ? bytes - bare : 0));
    }
    return events;
}

}  // namespace

Report run_mesh(const MeshOptions& options) {
    base::log::configure(base::log::Level::error, base::log::Format::text);
    const std::vector<event::EventPtr> events = make_events(options.event_bytes);
    Member receiver(1, options, {});
    Member sender(2, options, {"127.0.0.1:" + std::to_string(receiver.mesh->port())});
    Member::wait("the link", [&] { return sender.is_linked() && receiver.is_linked(); });

    const double sender_start = cpu_seconds_of(sender.thread);
    const double receiver_start = cpu_seconds_of(receiver.thread);
    const TimePoint start = Clock::now();
    std::uint64_t published = 0;
    std::vector<fanout::Published> batch;
    TimePoint last_progress = start;
    std::uint64_t last_taken = 0;
    while (receiver.sink.taken() < options.events) {
        const std::uint64_t taken = receiver.sink.taken();
        if (std::exchange(last_taken, taken) != taken) last_progress = Clock::now();
        if (Clock::now() - last_progress > kPatience) break;
        if (published == options.events || published - taken >= options.in_flight) {
            std::this_thread::sleep_for(std::chrono::microseconds(100));
            continue;
        }
        batch.clear();
        while (batch.size() < kBatch && published < options.events) {
            batch.push_back({events[published % events.size()], base::Position{published + 1},
                             Clock::now(), event::TrafficClass::generic});
            ++published;
        }
        sender.mesh->publish(batch);
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    const double sent_cpu = cpu_seconds_of(sender.thread) - sender_start;
    const double taken_cpu = cpu_seconds_of(receiver.thread) - receiver_start;
    const auto count = static_cast<double>(receiver.sink.taken());

    Report report;
    report.mode = "mesh";
    report.name = options.name.empty() ? "mesh-" + options.tls : options.name;
    report.unit = "event";
    report.set("rate", count / seconds);
    report.set("seconds", seconds);
    report.set("event_bytes", static_cast<double>(events[0]->json().size()));
    report.set("events_per_frame", count / static_cast<double>(receiver.sink.batches()));
    report.set("sender_cpu_us", 1e6 * sent_cpu / count);
    report.set("receiver_cpu_us", 1e6 * taken_cpu / count);
    report.set("per_core_of_both", count / (sent_cpu + taken_cpu));
    report.set("per_core_of_the_busier", count / std::max(sent_cpu, taken_cpu));
    if (receiver.sink.taken() != options.events) {
        report.failures.push_back(fmt::format("{} of {} events have not arrived",
                                              options.events - receiver.sink.taken(),
                                              options.events));
    }
    if (receiver.sink.misplaced() != 0) {
        report.failures.push_back(
            fmt::format("{} events came twice or out of order", receiver.sink.misplaced()));
    }
    sender.mesh->stop();
    receiver.mesh->stop();
    return report;
}

}  // namespace parrhesia::bench
