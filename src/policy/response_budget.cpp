#include "parrhesia/policy/response_budget.hpp"

#include <algorithm>

namespace parrhesia::policy {

ResponseBudget::ResponseBudget(std::size_t allowance_bytes, std::size_t page_bytes,
                               std::size_t max_running) noexcept
    : allowance_bytes_(std::max(allowance_bytes, 2 * page_bytes)),
      page_bytes_(page_bytes),
      max_running_(std::max<std::size_t>(max_running, 1)) {}

bool ResponseBudget::may_start(const Owed& owed) const noexcept {
    if (owed.running_queries >= max_running_) return false;
    if (owed.unsent_bytes > allowance_bytes_) return false;  // the sum below cannot overflow then
    return owed.unsent_bytes + (owed.running_queries + 1) * page_bytes_ <= allowance_bytes_;
}

}  // namespace parrhesia::policy
