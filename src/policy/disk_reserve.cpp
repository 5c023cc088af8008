#include "parrhesia/policy/disk_reserve.hpp"

#include <fmt/format.h>

namespace parrhesia::policy {
namespace {

bool frees_space(event::Kind kind) noexcept {
    return kind == event::kDeletion || kind == event::kVanish;
}

}  // namespace

std::optional<base::Refusal> DiskReserve::check_when_short(event::Kind kind) const {
    if (event::is_ephemeral(kind)) return std::nullopt;
    const std::uint64_t free = free_bytes();
    if (frees_space(kind) && free >= reserve_bytes_ / 4) return std::nullopt;
    return base::Refusal{
        base::Errc::store_not_writable,
        fmt::format("the relay's disk is nearly full: {} bytes are free, {} are reserved; try "
                    "again later",
                    free, reserve_bytes_)};
}

}  // namespace parrhesia::policy
