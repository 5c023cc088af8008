#include "client.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace parrhesia::bench {
namespace {

constexpr std::size_t kReadBytes = 256U << 10U;
constexpr std::size_t kMaxUpgradeBytes = 16U << 10U;

// RFC 6455, section 1.3: its key, and the answer that proves a websocket server.
constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

char* read_buffer() {
    static std::string buffer(kReadBytes, '\0');
    return buffer.data();
}

std::uint32_t next_mask() {
    static std::uint32_t state = 0x9e3779b9;
    state ^= state << 13U;
    state ^= state >> 17U;
    state ^= state << 5U;
    return state;
}

}  // namespace

Target Target::from_url(const std::string& url) {
    const auto refuse = [&url](std::string_view why) {
        return std::runtime_error(fmt::format("{}: {}; expected ws://host:port/", url, why));
    };
    constexpr std::string_view kScheme = "ws://";
    if (!url.starts_with(kScheme)) throw refuse("not a ws:// URL");
    const std::size_t slash = url.find('/', kScheme.size());
    Target target;
    target.host = url.substr(kScheme.size(), slash - kScheme.size());
    target.path = slash == std::string::npos ? "/" : url.substr(slash);

    std::string name = target.host;
    std::string port = "80";
    const std::size_t colon = name.rfind(':');
    if (colon != std::string::npos && name.find(']', colon) == std::string::npos) {
        port = name.substr(colon + 1);
        name.resize(colon);
    }
    if (name.size() > 2 && name.front() == '[') name = name.substr(1, name.size() - 2);
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int error = ::getaddrinfo(name.c_str(), port.c_str(), &hints, &found); error != 0) {
        throw refuse(::gai_strerror(error));
    }
    std::memcpy(&target.address, found->ai_addr, found->ai_addrlen);
    target.address_size = found->ai_addrlen;
    ::freeaddrinfo(found);
    return target;
}

void Client::start(const Target& target) {
    descriptor_ = ::socket(target.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor_ < 0) return lose(fmt::format("socket: {}", std::strerror(errno)));
    const int on = 1;
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    state_ = State::connecting;
    out_ = fmt::format(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: {}\r\nSec-WebSocket-Version: 13\r\n\r\n",
        target.path, target.host, kKey);
    loop_.add(descriptor_, EPOLLOUT, *this);
    const auto* address = reinterpret_cast<const sockaddr*>(&target.address);
    if (::connect(descriptor_, address, target.address_size) != 0 && errno != EINPROGRESS) {
        lose(fmt::format("connect: {}", std::strerror(errno)));
    }
}

void Client::send_text(std::string_view text) {
    append_client_frame(out_, Opcode::text, text, next_mask());
    queue_flush();
}

void Client::send_frames(std::string_view frames) {
    out_.append(frames);
    queue_flush();
}

void Client::queue_flush() {
    if (is_flush_queued_ || waits_for_write_ || state_ != State::open) return;
    is_flush_queued_ = true;
    loop_.want_flush(*this);
}

void Client::close() {
    if (descriptor_ >= 0) {
        loop_.remove(descriptor_, *this);
        ::close(descriptor_);
        descriptor_ = -1;
    }
    state_ = State::closed;
}

void Client::lose(std::string_view reason) {
    const std::string text(reason);
    close();
    handler_.on_lost(*this, text);
}

void Client::on_ready(std::uint32_t events) {
    if (state_ == State::connecting) {
        int error = 0;
        socklen_t size = sizeof error;
        ::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) return lose(fmt::format("connect: {}", std::strerror(error)));
        state_ = State::upgrading;
        loop_.change(descriptor_, EPOLLIN, *this);
        on_flush();
        return;
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read();
    if ((events & EPOLLOUT) != 0 && state_ == State::open) on_flush();
}

void Client::on_flush() {
    is_flush_queued_ = false;
    if (descriptor_ < 0) return;
    while (sent_ < out_.size()) {
        const ssize_t count =
            ::send(descriptor_, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) {
            if (!waits_for_write_) loop_.change(descriptor_, EPOLLIN | EPOLLOUT, *this);
            waits_for_write_ = true;
            return;
        }
        if (count < 0) return lose(fmt::format("send: {}", std::strerror(errno)));
        sent_ += static_cast<std::size_t>(count);
        traffic_.sent_bytes += static_cast<std::uint64_t>(count);
    }
    out_.clear();
    sent_ = 0;
    if (waits_for_write_) loop_.change(descriptor_, EPOLLIN, *this);
    waits_for_write_ = false;
}

void Client::read() {
    char* buffer = read_buffer();
    const ssize_t count = ::recv(descriptor_, buffer, kReadBytes, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count < 0) return lose(fmt::format("receive: {}", std::strerror(errno)));
    if (count == 0) return lose("the relay ended the connection");
    traffic_.received_bytes += static_cast<std::uint64_t>(count);
    const std::string_view bytes(buffer, static_cast<std::size_t>(count));
    if (state_ == State::upgrading) return read_upgrade(bytes);
    read_frames(bytes);
}

void Client::read_upgrade(std::string_view bytes) {
    upgrade_.append(bytes);
    const std::size_t end = upgrade_.find("\r\n\r\n");
    if (end == std::string::npos) {
        if (upgrade_.size() > kMaxUpgradeBytes) lose("the answer to the upgrade does not end");
        return;
    }
    const std::string rest = upgrade_.substr(end + 4);
    if (!upgrade_.starts_with("HTTP/1.1 101") || upgrade_.find(kAccept) > end) {
        return lose("no websocket: " + upgrade_.substr(0, upgrade_.find('\r')));
    }
    upgrade_ = {};
    state_ = State::open;
    out_.shrink_to_fit();
    handler_.on_open(*this);
    if (!rest.empty() && is_open()) read_frames(rest);
}

void Client::read_frames(std::string_view bytes) {
    const bool is_good = decoder_.feed(bytes, [this](Opcode opcode, std::string_view payload) {
        if (!is_open()) return;
        if (opcode == Opcode::text) return handler_.on_text(*this, payload);
        if (opcode == Opcode::ping) {
            append_client_frame(out_, Opcode::pong, payload, next_mask());
            queue_flush();
        } else if (opcode == Opcode::close) {
            std::string reason = "close frame";
            if (payload.size() >= 2) {
                const unsigned code = static_cast<std::uint8_t>(payload[0]) * 256U +
                                      static_cast<std::uint8_t>(payload[1]);
                reason = fmt::format("close {} {}", code, payload.substr(2));
            }
            lose(reason);
        }
    });
    if (!is_good && is_open()) lose(decoder_.error());
}

}  // namespace parrhesia::bench
