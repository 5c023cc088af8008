// What a browser sees at the relay's address.
#pragma once

#include <string>
#include <string_view>

namespace parrhesia::app {

// `websocket_url` may be empty: the page then tells to put ws:// or wss:// before its own address.
[[nodiscard]] std::string landing_page(std::string_view name, std::string_view description,
                                       std::string_view contact, std::string_view websocket_url);

}  // namespace parrhesia::app
