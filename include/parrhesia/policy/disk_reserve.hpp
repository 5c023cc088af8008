// Keeps a part of the disk free: the store, and the machine around it, need room to work.
#pragma once

#include "parrhesia/base/error.hpp"
#include "parrhesia/event/kind.hpp"

#include <atomic>
#include <cstdint>
#include <optional>

namespace parrhesia::policy {

// Somebody else measures (app's DiskWatch) and tells; whoever is about to store an event asks.
//
// Threading: any thread; one relaxed load for each question.
class DiskReserve {
  public:
    // 0: nothing is reserved.
    explicit DiskReserve(std::uint64_t reserve_bytes) noexcept : reserve_bytes_(reserve_bytes) {}

    void set_free_bytes(std::uint64_t bytes) noexcept {
        free_bytes_.store(bytes, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t free_bytes() const noexcept {
        return free_bytes_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t reserve_bytes() const noexcept { return reserve_bytes_; }

    // Less than the reserve is free.
    [[nodiscard]] bool is_short() const noexcept { return free_bytes() < reserve_bytes_; }

    // Empty: an event of this kind may be stored. Deletions and requests to vanish, which free
    // space, may use three quarters of the reserve: not all, or a flood of them would fill the
    // disk. What is not stored is not refused.
    // Errors: store_not_writable, with the bytes that are free and those that are reserved.
    [[nodiscard]] std::optional<base::Refusal> check(event::Kind kind) const {
        if (!is_short()) return std::nullopt;
        return check_when_short(kind);
    }

  private:
    [[nodiscard]] std::optional<base::Refusal> check_when_short(event::Kind kind) const;

    const std::uint64_t reserve_bytes_;
    std::atomic<std::uint64_t> free_bytes_{~std::uint64_t{0}};  // not measured yet: all is well
};

}  // namespace parrhesia::policy
