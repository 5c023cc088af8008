#include "parrhesia/event/verify.hpp"

#include <gtest/gtest.h>

#include <string>

namespace parrhesia::event {
namespace {

SecretKey secret_of(const std::string& hex) { return base::parse_hex<SecretKey>(hex).value(); }

SecretKey small_secret(std::uint8_t number) {
    SecretKey secret;
    secret.bytes.back() = number;
    return secret;
}

TEST(KeypairTest, PubkeyOfASecretIsThatOfBip340) {
    const auto one = Keypair::from_secret(small_secret(1));
    ASSERT_TRUE(one);
    EXPECT_EQ(base::to_hex(one->pubkey()),
              "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");
    const auto three = Keypair::from_secret(small_secret(3));
    ASSERT_TRUE(three);
    EXPECT_EQ(base::to_hex(three->pubkey()),
              "f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9");
}

TEST(KeypairTest, NumbersOutsideTheCurveAreNoSecrets) {
    EXPECT_FALSE(Keypair::from_secret(SecretKey{}));
    EXPECT_FALSE(Keypair::from_secret(secret_of(std::string(64, 'f'))));
    const std::string below = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd036414";
    EXPECT_TRUE(Keypair::from_secret(secret_of(below + "0")));
    EXPECT_FALSE(Keypair::from_secret(secret_of(below + "1")));
}

TEST(KeypairTest, SecretGivesTheSameKeyBack) {
    for (int i = 0; i < 20; ++i) {
        const Keypair made = Keypair::generate();
        const auto again = Keypair::from_secret(made.secret());
        ASSERT_TRUE(again);
        EXPECT_EQ(again->pubkey(), made.pubkey());
        EXPECT_TRUE(verify_signature(*sign_event(made, {.created_at = 1, .content = "x"})));
    }
    EXPECT_EQ(Keypair::from_secret(small_secret(7))->secret(), small_secret(7));
}

TEST(KeypairTest, GeneratedKeysDiffer) {
    EXPECT_NE(Keypair::generate().pubkey(), Keypair::generate().pubkey());
}

TEST(KeypairTest, SeedStillGivesTheKeyOfItsHash) {
    EXPECT_EQ(base::to_hex(Keypair::from_seed("abc").secret()),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace parrhesia::event
