#include "app/stop_signals.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace parrhesia::app {

StopSignals::StopSignals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, &mask_before_);
    descriptor_ = ::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (descriptor_ < 0) {
        throw std::system_error(errno, std::generic_category(), "signalfd");
    }
}

StopSignals::~StopSignals() {
    ::close(descriptor_);
    pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

bool StopSignals::requested() {
    take_signal();
    return signal_ != 0;
}

bool StopSignals::wait_readable(int descriptor) {
    while (signal_ == 0) {
        pollfd waiting[2] = {{descriptor_, POLLIN, 0}, {descriptor, POLLIN, 0}};
        const int count = ::poll(waiting, 2, -1);
        if (count < 0 && errno != EINTR) return true;  // read() will tell
        if (waiting[0].revents != 0) take_signal();
        if (signal_ == 0 && waiting[1].revents != 0) return true;
    }
    return false;
}

void StopSignals::wait() {
    constexpr int kNothingElse = -1;  // poll() passes over a negative descriptor
    while (wait_readable(kNothingElse)) {
    }
}

void StopSignals::take_signal() {
    if (signal_ != 0) return;
    signalfd_siginfo info{};
    if (::read(descriptor_, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return;
    signal_ = static_cast<int>(info.ssi_signo);
    pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

}  // namespace parrhesia::app
