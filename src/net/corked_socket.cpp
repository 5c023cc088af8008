#include "net/corked_socket.hpp"

namespace parrhesia::net {
namespace {

// A busy connection keeps a buffer of up to this size between two bursts, an idle one none.
constexpr std::size_t kBusyCapacity = 256 * 1024;
// Sent bytes at the front of the buffer are dropped from here on, when they are half of it.
constexpr std::size_t kCompactFrom = 64 * 1024;

}  // namespace

CorkedSocket::CorkedSocket(tcp::socket socket, CorkListener& listener, std::size_t max_unsent_bytes)
    : socket_(std::move(socket)), listener_(listener), max_unsent_bytes_(max_unsent_bytes) {
    error_code ignored;  // the first read or write tells of a broken socket
    socket_.non_blocking(true, ignored);
    socket_.set_option(tcp::no_delay(true), ignored);
}

bool CorkedSocket::flush() {
    while (unsent_bytes() != 0) {
        error_code error;
        const std::size_t taken =
            socket_.write_some(asio::buffer(out_.data() + sent_, unsent_bytes()), error);
        if (error == asio::error::would_block || error == asio::error::try_again) break;
        if (error) return false;
        sent_ += taken;
        listener_.on_sent(taken);
    }
    if (unsent_bytes() == 0) {
        sent_ = 0;
        out_.clear();
        if (out_.capacity() > kBusyCapacity) trim();
        if (shutdown_wanted_) shutdown_when_sent();
    } else if (sent_ >= kCompactFrom && sent_ >= out_.size() / 2) {
        out_.erase(0, sent_);
        sent_ = 0;
    }
    return true;
}

void CorkedSocket::trim() noexcept {
    if (out_.empty()) out_ = std::string();
}

void CorkedSocket::close() noexcept {
    error_code ignored;
    socket_.close(ignored);
}

void CorkedSocket::shutdown_when_sent() noexcept {
    shutdown_wanted_ = true;
    if (unsent_bytes() != 0) return;
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

}  // namespace parrhesia::net
