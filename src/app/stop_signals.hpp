// SIGINT and SIGTERM as a wish to stop at the next good moment.
#pragma once

#include <csignal>

namespace parrhesia::app {

// From construction on, this thread and those it starts do not die of the two signals; requested()
// and wait_readable() tell of the first. After that a second signal kills, as if this did not
// exist.
//
// Threading: one thread, and no other thread may be running yet that could take the signals.
class StopSignals {
  public:
    // Errors: throws std::system_error.
    StopSignals();
    ~StopSignals();
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;

    [[nodiscard]] bool requested();
    // Blocks until `descriptor` can be read (or is at its end); false once a stop was requested.
    [[nodiscard]] bool wait_readable(int descriptor);
    // Blocks until a stop is requested.
    void wait();
    // The signal that came first; 0: none.
    [[nodiscard]] int signal() const noexcept { return signal_; }

  private:
    void take_signal();

    sigset_t mask_before_{};
    int descriptor_ = -1;
    int signal_ = 0;
};

}  // namespace parrhesia::app
