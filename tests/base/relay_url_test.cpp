#include "parrhesia/base/relay_url.hpp"

#include <gtest/gtest.h>

namespace parrhesia::base {
namespace {

TEST(RelayUrl, SpellingsOfOneAddressAreOne) {
    for (const char* url :
         {"wss://relay.example", "wss://relay.example/", "WSS://Relay.EXAMPLE",
          "wss://relay.example:443", "wss://relay.example:443//", "wss://relay.example.",
          "wss://relay.example:", "wss://relay.example/?a=b#c"}) {
        EXPECT_EQ(normalized_relay_url(url), "wss://relay.example") << url;
    }
    EXPECT_EQ(normalized_relay_url("ws://relay.example:80/x/"), "ws://relay.example/x");
    EXPECT_EQ(normalized_relay_url("ws://[2001:DB8::1]:7777/"), "ws://[2001:db8::1]:7777");
}

TEST(RelayUrl, WhatDiffersStaysDifferent) {
    EXPECT_NE(normalized_relay_url("ws://relay.example"),
              normalized_relay_url("wss://relay.example"));
    EXPECT_NE(normalized_relay_url("wss://relay.example:80"),
              normalized_relay_url("wss://relay.example"));
    EXPECT_NE(normalized_relay_url("wss://relay.example/Path"),
              normalized_relay_url("wss://relay.example/path"));
}

TEST(RelayUrl, OtherTextsAreNone) {
    for (const char* text :
         {"", "relay.example", "https://relay.example", "wss:/relay.example", "wss://",
          "wss:///path", "wss://:443", "wss://relay example", "wss://user@relay.example",
          "wss://relay.example:x", "wss://relay.example:70000", "wss://[::1", "ALL_RELAYS"}) {
        EXPECT_EQ(normalized_relay_url(text), std::nullopt) << text;
    }
}

}  // namespace
}  // namespace parrhesia::base
