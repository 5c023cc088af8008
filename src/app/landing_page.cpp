#include "app/landing_page.hpp"

namespace parrhesia::app {
namespace {

std::string escape_html(std::string_view text) {
    std::string result;
    for (const char character : text) {
        switch (character) {
            case '&':
                result += "&amp;";
                break;
            case '<':
                result += "&lt;";
                break;
            case '>':
                result += "&gt;";
                break;
            case '"':
                result += "&quot;";
                break;
            default:
                result += character;
                break;
        }
    }
    return result;
}

}  // namespace

std::string landing_page(std::string_view name, std::string_view description,
                         std::string_view contact, std::string_view websocket_url) {
    std::string page =
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>";
    const std::string shown_name = escape_html(name.empty() ? "A Nostr relay" : name);
    page += shown_name;
    page +=
        "</title><style>body{font:1.1rem/1.6 system-ui,sans-serif;max-width:38rem;margin:4rem auto;"
        "padding:0 "
        "1rem;color:#222;background:#fff}@media(prefers-color-scheme:dark){body{color:#ddd;"
        "background:#181818}a{color:#8bf}}code{font-size:1rem}</style></head><body><h1>";
    page += shown_name;
    page += "</h1>\n";
    if (!description.empty()) page += "<p>" + escape_html(description) + "</p>\n";
    page += "<p>This is a <a href=\"https://nostr.com\">Nostr</a> relay. ";
    if (websocket_url.empty()) {
        page +=
            "Add this address to your client, with <code>wss://</code> (or <code>ws://</code> "
            "without TLS) instead of <code>https://</code>.</p>\n";
    } else {
        page += "Add <code>" + escape_html(websocket_url) + "</code> to your client.</p>\n";
    }
    if (!contact.empty()) page += "<p>Operator: " + escape_html(contact) + "</p>\n";
    page += "</body></html>\n";
    return page;
}

}  // namespace parrhesia::app
