// Measures how much of the store's disk is free, once a second.
#pragma once

#include "parrhesia/base/error.hpp"
#include "parrhesia/base/metrics.hpp"
#include "parrhesia/policy/disk_reserve.hpp"

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

namespace parrhesia::app {

// What a process without privileges may still use on the disk of `path`.
[[nodiscard]] base::Result<std::uint64_t> free_disk_bytes(const std::string& path) noexcept;

// A disk that cannot be measured keeps its last figure: the store itself will find out.
//
// Threading: belongs to the thread that made it; measures on a thread of its own ("disk-watch"),
// since a disk that hangs blocks whoever asks.
// Lifetime:  not beyond the reserve and the registry.
class DiskWatch {
  public:
    // Has measured once when it returns.
    DiskWatch(std::string path, policy::DiskReserve& reserve, base::MetricsRegistry& registry);
    ~DiskWatch();
    DiskWatch(const DiskWatch&) = delete;
    DiskWatch& operator=(const DiskWatch&) = delete;

  private:
    void run();
    void measure();

    const std::string path_;
    policy::DiskReserve& reserve_;
    base::Gauge& gauge_;
    bool was_short_ = false;  // owned by whoever measures
    bool could_measure_ = true;

    std::mutex mutex_;
    std::condition_variable over_;
    bool done_ = false;  // guarded by mutex_
    std::thread thread_;
};

}  // namespace parrhesia::app
