// A TCP socket whose writes only append to a buffer; the io thread sends the buffers of all sockets
// that have something between two of its turns, one system call each (see FlushQueue).
//
// Sits under Beast's websocket::stream as its next layer (Beast's AsyncStream concept), so that
// Beast's own frames and ours share one buffer and stay in order.
#pragma once

#include "net/asio.hpp"
#include "net/flush_queue.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/core/role.hpp>

#include <cstddef>
#include <string>
#include <utility>

namespace parrhesia::net {

// What a corked socket tells the session above it.
class CorkListener {
  public:
    virtual ~CorkListener() = default;
    // `bytes` were appended: call flush() soon.
    virtual void on_corked(std::size_t bytes, FlushQueue::Lane lane) = 0;
    // The kernel takes bytes again: call flush().
    virtual void on_writable() = 0;
    // The kernel took `bytes`.
    virtual void on_sent(std::size_t bytes) noexcept = 0;
};

// Threading: belongs to one io thread. Lifetime: the listener owns it.
class CorkedSocket {
  public:
    using executor_type = tcp::socket::executor_type;

    // `max_unsent_bytes`: above it Beast's own writes fail; a peer cannot fill memory with pings.
    CorkedSocket(tcp::socket socket, CorkListener& listener, std::size_t max_unsent_bytes);

    [[nodiscard]] executor_type get_executor() noexcept { return socket_.get_executor(); }
    [[nodiscard]] std::size_t unsent_bytes() const noexcept { return out_.size() - sent_; }

    // Lets `append` add to the buffer.
    template <class Append>
    void write(FlushQueue::Lane lane, Append append) {
        const std::size_t before = out_.size();
        append(out_);
        listener_.on_corked(out_.size() - before, lane);
    }

    // Sends what the kernel takes; on_writable() follows when it did not take all. False when the
    // connection is broken.
    [[nodiscard]] bool flush();
    // Waits until the kernel takes bytes, `keep_alive` being what keeps the listener alive.
    template <class KeepAlive>
    void wait_writable(KeepAlive keep_alive) {
        socket_.async_wait(tcp::socket::wait_write,
                           [this, keep_alive = std::move(keep_alive)](error_code error) {
                               waiting_ = false;
                               if (!error) listener_.on_writable();
                           });
    }
    // True while flush() has left bytes and nobody waits for the kernel yet.
    [[nodiscard]] bool needs_wait() noexcept {
        return unsent_bytes() != 0 && !std::exchange(waiting_, true);
    }

    // Gives back the buffer of a connection that has nothing to send.
    void trim() noexcept;
    // Ends our half of the connection once all is sent.
    void shutdown_when_sent() noexcept;
    void close() noexcept;

    template <class Buffers, class Token>
    auto async_read_some(const Buffers& buffers, Token&& token) {
        return socket_.async_read_some(buffers, std::forward<Token>(token));
    }

    template <class Buffers, class Token>
    auto async_write_some(const Buffers& buffers, Token&& token) {
        return asio::async_initiate<Token, void(error_code, std::size_t)>(
            [this](auto handler, const Buffers& source) {
                const std::size_t bytes = asio::buffer_size(source);
                error_code error;
                if (unsent_bytes() + bytes > max_unsent_bytes_) {
                    error = asio::error::no_buffer_space;
                } else {
                    write(FlushQueue::Lane::answers, [&source](std::string& out) {
                        for (const auto piece : boost::beast::buffers_range_ref(source)) {
                            out.append(static_cast<const char*>(piece.data()), piece.size());
                        }
                    });
                }
                asio::post(get_executor(), boost::beast::bind_front_handler(
                                               std::move(handler), error, error ? 0 : bytes));
            },
            token, buffers);
    }

    // Beast's customization points, found by argument-dependent look-up.
    friend void beast_close_socket(CorkedSocket& socket) { socket.close(); }
    friend void teardown(boost::beast::role_type, CorkedSocket& socket, error_code& error) {
        error = {};
        socket.shutdown_when_sent();
    }
    template <class Handler>
    friend void async_teardown(boost::beast::role_type, CorkedSocket& socket, Handler&& handler) {
        socket.shutdown_when_sent();
        asio::post(socket.get_executor(),
                   boost::beast::bind_front_handler(std::forward<Handler>(handler), error_code()));
    }

  private:
    tcp::socket socket_;
    CorkListener& listener_;
    const std::size_t max_unsent_bytes_;
    std::string out_;
    std::size_t sent_ = 0;  // of out_, taken by the kernel
    bool waiting_ = false;
    bool shutdown_wanted_ = false;
};

}  // namespace parrhesia::net
