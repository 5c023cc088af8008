// A client that keeps what it is sent.
#pragma once

#include "parrhesia/pipeline/client.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::test {

class RecordingClient final : public pipeline::Client {
  public:
    void send(std::initializer_list<std::string_view> pieces) override {
        if (closed) return;
        std::string message;
        for (const std::string_view piece : pieces) message.append(piece);
        messages.push_back(std::move(message));
    }
    [[nodiscard]] std::size_t unsent_bytes() const noexcept override { return unsent; }
    void close(pipeline::CloseCode code, std::string_view) override { closed = code; }
    void resume_reading() override { ++resumed; }

    [[nodiscard]] std::size_t count(std::string_view part) const {
        return static_cast<std::size_t>(
            std::count_if(messages.begin(), messages.end(), [part](const std::string& message) {
                return message.find(part) != std::string::npos;
            }));
    }
    [[nodiscard]] bool has(std::string_view part) const { return count(part) != 0; }

    std::vector<std::string> messages;
    std::optional<pipeline::CloseCode> closed;
    std::size_t unsent = 0;  // what unsent_bytes() says; a test sets it
    std::size_t resumed = 0;
};

}  // namespace parrhesia::test
