// Who sees an event: the one question that every path out of the relay asks.
#pragma once

#include "parrhesia/event/event.hpp"

namespace parrhesia::event {

// Implemented by policy::Viewer. An event that is not shown is, for the one who asks, not there: it
// is not sent, not counted and not hinted at.
//
// Threading: const methods from any thread.
class Visibility {
  public:
    virtual ~Visibility() = default;
    [[nodiscard]] virtual bool shows(const EventView& event) const noexcept = 0;
};

}  // namespace parrhesia::event
