// Any bytes are the value of a header that names clients. What our own proxy appends is what
// counts, whatever stands before it.
#include "expect.hpp"
#include "net/forwarded.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace parrhesia;
    using net::ForwardedHeader;
    static const base::NetworkList trusted = [] {
        base::NetworkList list;
        PARRHESIA_EXPECT(list.add("10.0.0.0/8"));
        return list;
    }();
    static const base::IpAddress appended = *base::parse_ip("192.0.2.1");
    const std::string_view value(reinterpret_cast<const char*>(data), size);

    for (const auto header : {ForwardedHeader::x_forwarded_for, ForwardedHeader::forwarded,
                              ForwardedHeader::x_real_ip}) {
        const auto client = net::forwarded_client(header, value, trusted);
        PARRHESIA_EXPECT(client == net::forwarded_client(header, value, trusted));
        if (client) PARRHESIA_EXPECT(base::parse_ip(client->to_string()) == client);
    }
    PARRHESIA_EXPECT(net::forwarded_client(ForwardedHeader::x_forwarded_for,
                                           std::string(value) + ", 192.0.2.1, 10.0.0.1",
                                           trusted) == appended);
    // A quote that does not end may swallow what follows; then nobody is named.
    const auto client = net::forwarded_client(ForwardedHeader::forwarded,
                                              std::string(value) + ", for=192.0.2.1", trusted);
    PARRHESIA_EXPECT(!client || client == appended);
    return 0;
}
