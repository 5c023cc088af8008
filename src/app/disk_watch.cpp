#include "app/disk_watch.hpp"

#include "parrhesia/base/log.hpp"

#include <pthread.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <chrono>
#include <utility>

namespace parrhesia::app {
namespace {

constexpr std::chrono::seconds kInterval{1};

}  // namespace

base::Result<std::uint64_t> free_disk_bytes(const std::string& path) noexcept {
    struct statvfs disk {};
    while (::statvfs(path.c_str(), &disk) != 0) {
        if (errno != EINTR) return base::error_code(errno, boost::system::generic_category());
    }
    return std::uint64_t{disk.f_bavail} * disk.f_frsize;
}

DiskWatch::DiskWatch(std::string path, policy::DiskReserve& reserve,
                     base::MetricsRegistry& registry)
    : path_(std::move(path)),
      reserve_(reserve),
      gauge_(registry.gauge("parrhesia_store_disk_free_bytes",
                            "Free space on the disk of the store, as of the last second")) {
    measure();
    thread_ = std::thread([this] { run(); });
    pthread_setname_np(thread_.native_handle(), "disk-watch");
}

DiskWatch::~DiskWatch() {
    {
        const std::scoped_lock lock(mutex_);
        done_ = true;
    }
    over_.notify_one();
    thread_.join();
}

void DiskWatch::run() {
    for (;;) {
        {
            std::unique_lock lock(mutex_);
            if (over_.wait_for(lock, kInterval, [this] { return done_; })) return;
        }
        measure();
    }
}

void DiskWatch::measure() {
    const auto free = free_disk_bytes(path_);
    if (free.has_error()) {
        if (std::exchange(could_measure_, false)) {
            base::log::warn("store: the free space of {} cannot be measured: {}", path_,
                            free.error().message());
        }
        return;
    }
    could_measure_ = true;
    gauge_.set(static_cast<std::int64_t>(*free));
    reserve_.set_free_bytes(*free);
    const bool is_short = reserve_.is_short();
    if (is_short == std::exchange(was_short_, is_short)) return;
    if (is_short) {
        base::log::warn(
            "store: {} bytes are free on the disk of {}, {} are reserved: new events are refused; "
            "free some space, or lower store.disk_reserve_bytes",
            *free, path_, reserve_.reserve_bytes());
    } else {
        base::log::info("store: {} bytes are free on the disk of {}: new events are accepted again",
                        *free, path_);
    }
}

}  // namespace parrhesia::app
