// How much of what a client asks for is prepared before it has taken the rest.
#pragma once

#include <cstddef>

namespace parrhesia::policy {

// What one connection is owed at this moment.
struct Owed {
    std::size_t unsent_bytes = 0;     // queued for its socket, live events held back included
    std::size_t running_queries = 0;  // stored queries that may add a page at any time
};

// Each running query may have one page under way. A query starts when its page and those of the
// running ones still fit what the client is allowed to have unsent; it waits otherwise, and is
// asked about again when a query ends or the client has taken what it was sent.
class ResponseBudget {
  public:
    // `allowance_bytes`: at least two pages, or it is taken as that.
    ResponseBudget(std::size_t allowance_bytes, std::size_t page_bytes,
                   std::size_t max_running) noexcept;

    // Always true while nothing runs and less than a page is unsent, so that a connection on which
    // nothing more happens has nothing waiting.
    [[nodiscard]] bool may_start(const Owed& owed) const noexcept;

  private:
    std::size_t allowance_bytes_;
    std::size_t page_bytes_;
    std::size_t max_running_;
};

}  // namespace parrhesia::policy
