#include "integration/support/ws_client.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <algorithm>

namespace parrhesia::test {
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;
using tcp = boost::asio::ip::tcp;

namespace {

tcp::endpoint loopback(std::uint16_t port) {
    return {boost::asio::ip::address_v4::loopback(), port};
}

}  // namespace

WsClient::WsClient(std::uint16_t port, const WsOptions& options) : ws_(context_) {
    tcp::socket& socket = beast::get_lowest_layer(ws_).socket();
    socket.open(tcp::v4());
    if (options.receive_buffer_bytes != 0) {
        socket.set_option(tcp::socket::receive_buffer_size(options.receive_buffer_bytes));
    }
    socket.connect(loopback(port));
    socket.set_option(tcp::no_delay(true));
    if (options.compression) {
        websocket::permessage_deflate deflate;
        deflate.client_enable = true;
        ws_.set_option(deflate);
    }
    ws_.read_message_max(0);
    ws_.handshake("127.0.0.1:" + std::to_string(port), options.path);
}

void WsClient::send(std::string_view text) {
    ws_.text(true);
    ws_.write(boost::asio::buffer(text));
}

void WsClient::send_binary(std::string_view bytes) {
    ws_.binary(true);
    ws_.write(boost::asio::buffer(bytes));
}

void WsClient::send_fragmented(std::string_view text, std::size_t fragment_bytes) {
    ws_.text(true);
    while (!text.empty()) {
        const std::string_view fragment = text.substr(0, fragment_bytes);
        text.remove_prefix(fragment.size());
        ws_.write_some(text.empty(), boost::asio::buffer(fragment));
    }
}

void WsClient::send_raw(std::string_view bytes) {
    boost::asio::write(beast::get_lowest_layer(ws_).socket(), boost::asio::buffer(bytes));
}

std::optional<std::string> WsClient::receive(std::chrono::milliseconds limit) {
    if (ended_) return std::nullopt;
    std::optional<error_code> result;
    ws_.async_read(in_, [&result](error_code error, std::size_t) { result = error; });
    context_.restart();
    context_.run_for(limit);
    if (!result) {
        // Nothing came in time; a read cannot be taken back without ending the connection.
        ended_ = true;
        beast::get_lowest_layer(ws_).cancel();
        context_.restart();
        context_.run();
        return std::nullopt;
    }
    if (*result) {
        ended_ = true;
        return std::nullopt;
    }
    std::string message = beast::buffers_to_string(in_.data());
    in_.clear();
    return message;
}

std::vector<std::string> WsClient::receive_until(std::string_view part) {
    std::vector<std::string> messages;
    while (auto message = receive()) {
        messages.push_back(*std::move(message));
        if (messages.back().find(part) != std::string::npos) break;
    }
    return messages;
}

bool WsClient::wait_for_end(std::chrono::milliseconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!ended_ && std::chrono::steady_clock::now() < deadline) {
        error_code error;
        std::optional<error_code> result;
        ws_.async_read(in_, [&result](error_code failure, std::size_t) { result = failure; });
        context_.restart();
        context_.run_until(deadline);
        if (!result) return false;
        in_.clear();
        ended_ = static_cast<bool>(*result);
    }
    return ended_;
}

RawClient::RawClient(std::uint16_t port) : stream_(context_) {
    stream_.socket().connect(loopback(port));
}

void RawClient::send(std::string_view bytes) {
    boost::asio::write(stream_.socket(), boost::asio::buffer(bytes));
}

std::optional<std::string> RawClient::read_to_end(std::chrono::milliseconds limit) {
    return read({}, limit);
}

bool RawClient::reads(std::string_view part, std::chrono::milliseconds limit) {
    return read(part, limit).value_or("").find(part) != std::string::npos;
}

std::optional<std::string> RawClient::read(std::string_view part, std::chrono::milliseconds limit) {
    std::string all;
    std::string chunk(4096, '\0');
    const auto deadline = std::chrono::steady_clock::now() + limit;
    for (;;) {
        std::optional<error_code> result;
        std::size_t bytes_read = 0;
        stream_.async_read_some(boost::asio::buffer(chunk),
                                [&](error_code error, std::size_t bytes) {
                                    result = error;
                                    bytes_read = bytes;
                                });
        context_.restart();
        context_.run_until(deadline);
        if (!result) {
            stream_.cancel();
            context_.restart();
            context_.run();
            return std::nullopt;
        }
        if (*result) return all;
        all.append(chunk, 0, bytes_read);
        if (!part.empty() && all.find(part) != std::string::npos) return all;
    }
}

HttpAnswer http_get(std::uint16_t port, std::string_view path, std::string_view accept) {
    boost::asio::io_context context;
    tcp::socket socket(context);
    socket.connect(loopback(port));
    http::request<http::string_body> request{http::verb::get, {path.data(), path.size()}, 11};
    request.set(http::field::host, "127.0.0.1");
    request.set(http::field::accept, {accept.data(), accept.size()});
    request.keep_alive(false);
    http::write(socket, request);
    beast::flat_buffer buffer;
    http::response<http::string_body> response;
    http::read(socket, buffer, response);
    return {response.result_int(), response.body()};
}

}  // namespace parrhesia::test
