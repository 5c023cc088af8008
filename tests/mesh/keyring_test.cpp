// Known answers, from another implementation of HMAC: relays of different builds must agree.
#include "mesh/keyring.hpp"

#include "parrhesia/base/bytes.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <numeric>
#include <string>

namespace parrhesia::mesh {
namespace {

SharedKey counting_key(std::uint8_t first = 0) {
    std::array<std::uint8_t, 32> secret{};
    std::iota(secret.begin(), secret.end(), first);
    return SharedKey::derive(secret);
}

TEST(KeyringTest, KeysAreDerivedAsTheWireSays) {
    const SharedKey key = counting_key();
    EXPECT_EQ(base::to_hex(key.mac_key),
              "a79473546aadb8a5b87e01b9801e4293f85dc90a4440ff0ea93e2dc068e11672");
    EXPECT_EQ(base::to_hex(key.tls_psk),
              "4a6e883a2f32c312ae45f7abeace8403ed7e7d7898ef072fff9496bce3684ac9");
    EXPECT_EQ(base::to_hex(key.id), "dd7d36fbfbbfa65a");
}

TEST(KeyringTest, ProofsAreMadeAsTheWireSays) {
    std::array<std::uint8_t, 32> exporter{};
    exporter.fill(7);
    const auto mac = [&](HandshakeRole role) {
        return handshake_mac(counting_key(), role, exporter, "hello", "ack");
    };
    EXPECT_EQ(base::to_hex(mac(HandshakeRole::dialler)),
              "764113b339c1ff3d78583592aefebc0b39989d77bc249947860384771b7b6054");
    EXPECT_EQ(base::to_hex(mac(HandshakeRole::acceptor)),
              "1acc40d1d217cff8fe6d021d1f829cd0d3d1f3a68c549d85f7367a881d3bc877");
    EXPECT_TRUE(equal(mac(HandshakeRole::dialler), mac(HandshakeRole::dialler)));
    EXPECT_FALSE(equal(mac(HandshakeRole::dialler), mac(HandshakeRole::acceptor)));
}

TEST(KeyringTest, FindsThePrimaryAndTheAcceptedKeys) {
    const Keyring keyring(counting_key(0), {counting_key(1), counting_key(2)});
    EXPECT_EQ(keyring.primary().id, counting_key(0).id);
    for (std::uint8_t first = 0; first < 3; ++first) {
        const SharedKey key = counting_key(first);
        ASSERT_NE(keyring.find(key.id), nullptr);
        EXPECT_EQ(keyring.find(key.id)->mac_key, key.mac_key);
    }
    EXPECT_EQ(keyring.find(counting_key(3).id), nullptr);
}

}  // namespace
}  // namespace parrhesia::mesh
