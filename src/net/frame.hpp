// Outgoing websocket text frames (RFC 6455), written straight into a send buffer.
//
// Beast reads frames, and writes its own control frames; data frames are ours, because a delivery
// must not cost a composed operation each: it is one append to the corked socket's buffer.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

namespace parrhesia::net {

// One unfragmented, unmasked text frame with the pieces as payload.
void append_text_frame(std::string& out, std::initializer_list<std::string_view> pieces);

void append_ping_frame(std::string& out);

// Compresses messages of permessage-deflate connections (RFC 7692), each on its own
// (server_no_context_takeover), so that one compressor serves all connections of a thread.
//
// Threading: one instance per io thread.
class MessageDeflater {
  public:
    MessageDeflater();
    ~MessageDeflater();
    MessageDeflater(const MessageDeflater&) = delete;
    MessageDeflater& operator=(const MessageDeflater&) = delete;

    // Small messages, and those that do not shrink, go out as they are, which the RFC allows.
    void append_text_frame(std::string& out, std::initializer_list<std::string_view> pieces);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace parrhesia::net
