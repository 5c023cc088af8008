#include "net/session.hpp"

#include "parrhesia/base/log.hpp"

#include "net/io_thread.hpp"
#include "net/proxy_header.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/option.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <utility>

namespace parrhesia::net {
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;

namespace {

constexpr std::uint32_t kMaxHeaderBytes = 16 * 1024;
constexpr std::uint64_t kMaxBodyBytes = 64 * 1024;
// What Beast itself may queue (pongs, the close frame) on top of what the limits allow.
constexpr std::size_t kControlReserveBytes = 1u << 20;
constexpr std::size_t kReadBytes = 64 * 1024;
// Live events are gathered up to this size.
constexpr std::size_t kPromptBytes = 128 * 1024;

}  // namespace

Session::Session(IoThread& thread, SessionContext& context, tcp::socket socket,
                 ClientAddress client)
    : thread_(thread),
      context_(context),
      client_(std::move(client)),
      received_(context.byte_rates, context.metrics),
      ws_(std::move(socket), static_cast<CorkListener&>(*this),
          context.relay.limits().unsent_bytes + kControlReserveBytes) {
    ++context_.open_sessions;
    context_.metrics.connections.add(1);
}

Session::~Session() {
    connection_.reset();
    context_.metrics.queue_bytes.add(-static_cast<std::int64_t>(counted_unsent_));
    thread_.remove(*this);
    context_.metrics.connections.add(-1);
    --context_.open_sessions;
}

void Session::start() {
    last_heard_ = last_ping_ = last_taken_ = thread_.coarse_now();
    // The coarse clock may be a tick behind.
    deadline_ = last_heard_ + context_.options.handshake_timeout + std::chrono::seconds(1);
    thread_.add(*this);
    asio::co_spawn(ws_.get_executor(), run(),
                   [self = shared_from_this()](const std::exception_ptr& unexpected) {
                       if (!unexpected) return;
                       try {
                           std::rethrow_exception(unexpected);
                       } catch (const std::exception& exception) {
                           base::log::error("a session ended by an exception: {}",
                                            exception.what());
                       }
                   });
}

asio::awaitable<void> Session::run() {
    std::optional<HttpRequest> upgrade;
    bool may_talk = true;
    if (client_.expects_proxy_header()) may_talk = co_await read_proxy_header();
    if (may_talk) upgrade = co_await serve_http();
    if (upgrade) {
        HttpRequest request = *std::move(upgrade);
        bool accepted = co_await admit(request);
        if (accepted) accepted = co_await accept_websocket(std::move(request));
        if (accepted) co_await serve_websocket();
    }
    connection_.reset();  // no more events for this client
    if (phase_ == Phase::closing) co_return;
    phase_ = Phase::closing;
    deadline_ = thread_.coarse_now() + context_.options.close_timeout;
    co_await linger();
}

// Closing a socket that holds unread bytes resets the connection, and the client may never see our
// last words: so what it still sends is read and thrown away.
asio::awaitable<void> Session::linger() {
    flush();
    socket().shutdown_when_sent();
    std::array<char, 4096> ignored;
    for (;;) {
        const auto buffer = asio::buffer(ignored);
        const auto [error, bytes] = co_await socket().async_read_some(buffer, kNoThrow);
        if (error) co_return;
    }
}

asio::awaitable<bool> Session::read_proxy_header() {
    for (;;) {
        const auto data = in_.cdata();
        const auto header =
            parse_proxy_header({static_cast<const char*>(data.data()), data.size()});
        if (header.status == ProxyHeader::Status::complete) {
            if (header.client) client_.set_proxied(*header.client);
            in_.consume(header.bytes);
            co_return true;
        }
        if (header.status == ProxyHeader::Status::bad) {
            context_.metrics.cut_proxy_header.add();
            base::log::debug("{}: no header of the PROXY protocol, version 2",
                             client_.get().to_string());
            cut();
            co_return false;
        }
        const auto room = in_.prepare(kMaxProxyHeaderBytes);
        const auto [error, bytes] = co_await socket().async_read_some(room, kNoThrow);
        if (error) co_return false;
        in_.commit(bytes);
    }
}

asio::awaitable<std::optional<HttpRequest>> Session::serve_http() {
    for (;;) {
        http::request_parser<http::string_body> parser;
        parser.header_limit(kMaxHeaderBytes);
        parser.body_limit(kMaxBodyBytes);
        const auto [read_error, read_bytes] =
            co_await http::async_read(socket(), in_, parser, kNoThrow);
        if (read_error == http::error::header_limit || read_error == http::error::body_limit) {
            HttpResponse too_large = make_response(parser.get(), 413, "", "");
            too_large.keep_alive(false);
            co_await http::async_write(socket(), too_large, kNoThrow);
            co_return std::nullopt;
        }
        if (read_error) co_return std::nullopt;

        HttpRequest request = parser.release();
        if (path_of(request) == "/" && websocket::is_upgrade(request)) {
            if (in_.size() != 0) co_return std::nullopt;  // talks before the handshake is over
            co_return request;
        }

        HttpResponse response = answer(request, context_.site);
        const auto [write_error, written] =
            co_await http::async_write(socket(), response, kNoThrow);
        if (write_error || !response.keep_alive()) co_return std::nullopt;
        deadline_ = thread_.coarse_now() + context_.options.handshake_timeout;
    }
}

asio::awaitable<bool> Session::admit(const HttpRequest& request) {
    if (client_.settle(request) == ConnectionGate::Verdict::enter) co_return true;
    context_.metrics.refused_per_ip.add();
    HttpResponse response =
        make_response(request, 503, "text/plain; charset=utf-8", "too many connections\n");
    response.set(http::field::retry_after, "60");
    response.keep_alive(false);
    co_await http::async_write(socket(), response, kNoThrow);
    co_return false;
}

asio::awaitable<bool> Session::accept_websocket(HttpRequest request) {
    // The io thread's tick watches over time: Beast's own timers would cost one per connection.
    websocket::stream_base::timeout no_timeouts{};
    no_timeouts.handshake_timeout = websocket::stream_base::none();
    no_timeouts.idle_timeout = websocket::stream_base::none();
    no_timeouts.keep_alive_pings = false;
    ws_.set_option(no_timeouts);
    ws_.read_message_max(context_.relay.limits().message_bytes);
    if (context_.options.compression) {
        websocket::permessage_deflate deflate;
        deflate.server_enable = true;
        deflate.server_no_context_takeover = true;
        deflate.client_no_context_takeover = true;
        ws_.set_option(deflate);
    }
    ws_.set_option(websocket::stream_base::decorator([this](websocket::response_type& response) {
        response.set(http::field::server, "parrhesia");
        // A client may ask for a smaller window than our compressor has: it gets plain messages,
        // which RFC 7692 allows.
        const auto extensions = response[http::field::sec_websocket_extensions];
        compress_ = !extensions.empty() &&
                    extensions.find("server_max_window_bits") == beast::string_view::npos;
    }));
    ws_.control_callback(
        [this](websocket::frame_type, beast::string_view) { last_heard_ = thread_.coarse_now(); });
    const auto [error] = co_await ws_.async_accept(request, kNoThrow);
    co_return !error;
}

asio::awaitable<void> Session::serve_websocket() {
    if (phase_ != Phase::http) co_return;  // closed meanwhile
    phase_ = Phase::websocket;
    last_heard_ = thread_.coarse_now();
    const pipeline::Peer peer{client_.get(), client_.is_exempt(), context_.port};
    connection_ = context_.relay.connect(thread_.number(), *this, peer);
    if (!peer.exempt) received_.start(peer.address, std::chrono::steady_clock::now());
    while (phase_ == Phase::websocket) {
        const auto [error, bytes] = co_await ws_.async_read_some(in_, kReadBytes, kNoThrow);
        if (error) break;  // closed, broken, oversized: Beast has said what there is to say
        last_heard_ = thread_.coarse_now();
        const bool is_whole = ws_.is_message_done();
        if (is_whole) {
            message_begun_.reset();
            on_message();
        } else if (!message_begun_) {
            message_begun_ = last_heard_;
        }
        if (received_.is_counted()) {
            const auto pause = received_.add(bytes, std::chrono::steady_clock::now());
            if (pause.count() != 0) co_await pause_reading(pause);
        }
        if (is_whole && !connection_->wants_input()) co_await wait_for_credit();
    }
    // While closing, Beast's async_close() reads on until the client's close frame.
}

void Session::on_message() {
    if (phase_ == Phase::websocket) {
        const auto data = in_.cdata();
        context_.metrics.received_bytes.add(data.size());
        if (ws_.got_binary()) {
            connection_->on_binary();
        } else {
            connection_->on_text({static_cast<const char*>(data.data()), data.size()});
        }
    }
    in_.clear();
    if (in_.capacity() > kReadBytes) in_.shrink_to_fit();  // after a large message
}

asio::awaitable<void> Session::wait_for_credit() {
    if (!credit_) credit_.emplace(ws_.get_executor());
    while (phase_ == Phase::websocket && !connection_->wants_input()) {
        credit_->expires_at(base::SteadyTime::max());
        co_await credit_->async_wait(kNoThrow);
    }
}

asio::awaitable<void> Session::pause_reading(base::TokenBucket::Wait duration) {
    const auto until = std::chrono::steady_clock::now() + duration;
    if (message_begun_) *message_begun_ += duration;  // it is not the client who takes so long
    if (!credit_) credit_.emplace(ws_.get_executor());
    while (phase_ == Phase::websocket) {
        const auto now = std::chrono::steady_clock::now();
        if (now >= until) break;
        credit_->expires_at(std::min(until, now + std::chrono::seconds(1)));
        co_await credit_->async_wait(kNoThrow);
        last_heard_ = thread_.coarse_now();  // nor who is silent
    }
}

void Session::resume_reading() {
    if (credit_) credit_->cancel();
}

void Session::send(std::initializer_list<std::string_view> pieces) {
    append(FlushQueue::Lane::answers, pieces);
}

void Session::deliver(std::initializer_list<std::string_view> pieces) {
    append(FlushQueue::Lane::live, pieces);
}

void Session::append(FlushQueue::Lane lane, std::initializer_list<std::string_view> pieces) {
    // Beast's close frame, once queued, is the last one (RFC 6455, 5.5.1).
    if (phase_ != Phase::websocket || !ws_.is_open()) return;
    socket().write(lane, [this, pieces](std::string& out) {
        if (compress_) {
            thread_.deflater().append_text_frame(out, pieces);
        } else {
            append_text_frame(out, pieces);
        }
    });
}

std::size_t Session::unsent_bytes() const noexcept { return socket().unsent_bytes(); }

void Session::close(pipeline::CloseCode code, std::string_view reason) {
    if (phase_ == Phase::closing) return;
    if (phase_ == Phase::http) {
        cut();
        return;
    }
    phase_ = Phase::closing;
    deadline_ = thread_.coarse_now() + context_.options.close_timeout;
    if (credit_) credit_->cancel();
    websocket::close_reason why(static_cast<std::uint16_t>(code));
    why.reason.assign(reason.data(), std::min(reason.size(), why.reason.max_size()));
    ws_.async_close(why, [self = shared_from_this()](error_code) {
        // The client has said goodbye, or will not: either way all is said.
        if (!self->socket().flush()) self->cut();
    });
}

void Session::cut() {
    phase_ = Phase::closing;
    if (credit_) credit_->cancel();
    socket().close();
}

void Session::tick() {
    const auto now = thread_.coarse_now();
    const RelayServerOptions& options = context_.options;
    NetMetrics& metrics = context_.metrics;
    const auto cut_for = [this](base::Counter& reason) {
        reason.add();
        cut();
    };
    if (phase_ == Phase::http) {
        if (now >= deadline_) cut_for(metrics.cut_handshake);
        return;
    }
    if (phase_ == Phase::closing) {
        if (now >= deadline_) cut_for(metrics.cut_close);
        return;
    }
    if (message_begun_ && now - *message_begun_ >= options.frame_timeout) {
        cut_for(metrics.cut_frame);
    } else if (unsent_bytes() != 0 && now - last_taken_ >= options.idle_timeout) {
        cut_for(metrics.cut_stalled);
    } else if (now - last_heard_ >= options.idle_timeout) {
        cut_for(metrics.cut_idle);
    } else if (now - std::max(last_heard_, last_ping_) >= options.ping_interval) {
        last_ping_ = now;
        socket().write(FlushQueue::Lane::live, [](std::string& out) { append_ping_frame(out); });
    }
    // Two ticks without traffic: an idle connection holds no buffers.
    if (std::exchange(idle_since_tick_, true)) socket().trim();
}

void Session::on_corked(std::size_t bytes, FlushQueue::Lane lane) {
    idle_since_tick_ = false;
    const std::size_t unsent = socket().unsent_bytes();
    if (unsent == bytes) last_taken_ = thread_.coarse_now();  // nothing was owed until now
    if (unsent > pipeline::kStreamBytes) above_stream_bytes_ = true;
    // Much for one client: it should not look slow because it was not offered it.
    if (unsent > kPromptBytes) lane = FlushQueue::Lane::answers;
    if (!FlushQueue::has(*this, lane)) thread_.flushes().add(shared_from_this(), lane);
}

void Session::on_writable() {
    // A client that slowly takes what waits for it is alive: our ping stands behind all that.
    last_heard_ = last_taken_ = thread_.coarse_now();
    flush();
}

void Session::flush() {
    if (!socket().flush()) {
        cut();
        return;
    }
    // Once for each flush, not for each delivery: all threads share the gauge.
    if (const std::size_t unsent = socket().unsent_bytes(); unsent != counted_unsent_) {
        context_.metrics.queue_bytes.add(static_cast<std::int64_t>(unsent) -
                                         static_cast<std::int64_t>(counted_unsent_));
        counted_unsent_ = unsent;
    }
    if (socket().needs_wait()) socket().wait_writable(shared_from_this());
    if (above_stream_bytes_ && socket().unsent_bytes() < pipeline::kDrainedBytes) {
        above_stream_bytes_ = false;
        if (connection_) connection_->on_drained();
    }
}

void Session::on_sent(std::size_t bytes) noexcept {
    context_.metrics.sends.add();
    context_.metrics.sent_bytes.add(bytes);
}

}  // namespace parrhesia::net
