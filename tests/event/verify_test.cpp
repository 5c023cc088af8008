#include "parrhesia/event/verify.hpp"

#include "event/record.hpp"
#include "support/event_generator.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

namespace parrhesia::event {
namespace {

EventPtr signed_as(const PubKey& pubkey, const Id& id, const Signature& signature) {
    auto& builder = record::Builder::of_this_thread();
    builder.start({pubkey, 1, 1});
    builder.set_content("");
    return builder.finish(id, signature);
}

TEST(VerifyTest, AcceptsItsOwnSignatures) {
    test::EventGenerator generator(20);
    for (int i = 0; i < 50; ++i) EXPECT_TRUE(verify_signature(*generator.event()));
}

TEST(VerifyTest, RefusesAnyChangedBitOfTheSignature) {
    const auto event = test::make_event("a", {1, 1, {}, "text"});
    for (std::size_t bit = 0; bit < 512; ++bit) {
        auto signature = event->signature();
        signature.bytes[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
        EXPECT_FALSE(verify_signature(*signed_as(event->pubkey(), event->id(), signature))) << bit;
    }
}

TEST(VerifyTest, RefusesASignatureOfAnotherKeyOrOverAnotherId) {
    const auto event = test::make_event("a", {1, 1, {}, "text"});
    const auto other = test::make_event("b", {1, 1, {}, "text"});
    EXPECT_FALSE(verify_signature(*signed_as(other->pubkey(), event->id(), event->signature())));
    EXPECT_FALSE(verify_signature(*signed_as(event->pubkey(), other->id(), event->signature())));
    EXPECT_FALSE(verify_signature(*signed_as(event->pubkey(), event->id(), other->signature())));
}

// Parsed keys are remembered by their first bytes.
TEST(VerifyTest, KeysThatBeginAlikeAreNotTakenForEachOther) {
    const auto event = test::make_event("a", {1, 1, {}, "text"});
    for (int value = 0; value < 256; ++value) {
        PubKey alike = event->pubkey();
        alike.bytes[31] ^= static_cast<std::uint8_t>(value);
        const bool same = alike == event->pubkey();
        EXPECT_EQ(verify_signature(*signed_as(alike, event->id(), event->signature())), same);
        EXPECT_TRUE(verify_signature(*event));
    }
}

TEST(VerifyTest, TheSameSeedGivesTheSameEvent) {
    const EventDraft draft{1, 1, {{"t", "x"}}, "text"};
    const auto a = sign_event(Keypair::from_seed("seed"), draft);
    const auto b = sign_event(Keypair::from_seed("seed"), draft);
    EXPECT_EQ(a->view().record(), b->view().record());
    EXPECT_NE(Keypair::from_seed("seed").pubkey(), Keypair::from_seed("other").pubkey());
}

// bip-0340/test-vectors.csv, those whose message has 32 bytes.
struct Vector {
    int index;
    std::string pubkey;
    std::string message;
    std::string signature;
    bool valid;
};

const std::string kMessage = "243F6A8885A308D313198A2E03707344A4093822299F31D0082EFA98EC4E6C89";
const std::string kKey = "DFF1D77F2A671C5F36183726DB2341BE58FEAE1DA2DECED843240F7B502BA659";

const std::vector<Vector> kVectors = {
    {0, "F9308A019258C31049344F85F89D5229B531C845836F99B08601F113BCE036F9",
     "0000000000000000000000000000000000000000000000000000000000000000",
     "E907831F80848D1069A5371B402410364BDF1C5F8307B0084C55F1CE2DCA821525F66A4A85EA8B71E482A74F382D2"
     "CE5EBEEE8FDB2172F477DF4900D310536C0",
     true},
    {1, kKey, kMessage,
     "6896BD60EEAE296DB48A229FF71DFE071BDE413E6D43F917DC8DCF8C78DE33418906D11AC976ABCCB20B091292BFF"
     "4EA897EFCB639EA871CFA95F6DE339E4B0A",
     true},
    {2, "DD308AFEC5777E13121FA72B9CC1B7CC0139715309B086C960E18FD969774EB8",
     "7E2D58D8B3BCDF1ABADEC7829054F90DDA9805AAB56C77333024B9D0A508B75C",
     "5831AAEED7B44BB74E5EAB94BA9D4294C49BCF2A60728D8B4C200F50DD313C1BAB745879A5AD954A72C45A91C3A51"
     "D3C7ADEA98D82F8481E0E1E03674A6F3FB7",
     true},
    {3, "25D1DFF95105F5253C4022F628A996AD3A0D95FBF21D468A1B33F8C160D8F517",
     "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
     "7EB0509757E246F19449885651611CB965ECC1A187DD51B64FDA1EDC9637D5EC97582B9CB13DB3933705B32BA982A"
     "F5AF25FD78881EBB32771FC5922EFC66EA3",
     true},
    {4, "D69C3509BB99E412E68B0FE8544E72837DFA30746D8BE2AA65975F29D22DC7B9",
     "4DF3C3F68FCC83B27E9D42C90431A72499F17875C81A599B566C9889B9696703",
     "00000000000000000000003B78CE563F89A0ED9414F5AA28AD0D96D6795F9C6376AFB1548AF603B3EB45C9F8207DE"
     "E1060CB71C04E80F593060B07D28308D7F4",
     true},
    {5, "EEFDEA4CDB677750A420FEE807EACF21EB9898AE79B9768766E4FAA04A2D4A34", kMessage,
     "6CFF5C3BA86C69EA4B7376F31A9BCB4F74C1976089B2D9963DA2E5543E17776969E89B4C5564D00349106B8497785"
     "DD7D1D713A8AE82B32FA79D5F7FC407D39B",
     false},
    {6, kKey, kMessage,
     "FFF97BD5755EEEA420453A14355235D382F6472F8568A18B2F057A14602975563CC27944640AC607CD107AE10923D"
     "9EF7A73C643E166BE5EBEAFA34B1AC553E2",
     false},
    {7, kKey, kMessage,
     "1FA62E331EDBC21C394792D2AB1100A7B432B013DF3F6FF4F99FCB33E0E1515F28890B3EDB6E7189B630448B515CE"
     "4F8622A954CFE545735AAEA5134FCCDB2BD",
     false},
    {8, kKey, kMessage,
     "6CFF5C3BA86C69EA4B7376F31A9BCB4F74C1976089B2D9963DA2E5543E177769961764B3AA9B2FFCB6EF947B6887A"
     "226E8D7C93E00C5ED0C1834FF0D0C2E6DA6",
     false},
    {9, kKey, kMessage,
     "0000000000000000000000000000000000000000000000000000000000000000123DDA8328AF9C23A94C1FEECFD12"
     "3BA4FB73476F0D594DCB65C6425BD186051",
     false},
    {10, kKey, kMessage,
     "00000000000000000000000000000000000000000000000000000000000000017615FBAF5AE28864013C099742DEA"
     "DB4DBA87F11AC6754F93780D5A1837CF197",
     false},
    {11, kKey, kMessage,
     "4A298DACAE57395A15D0795DDBFD1DCB564DA82B0F269BC70A74F8220429BA1D69E89B4C5564D00349106B8497785"
     "DD7D1D713A8AE82B32FA79D5F7FC407D39B",
     false},
    {12, kKey, kMessage,
     "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFC2F69E89B4C5564D00349106B8497785"
     "DD7D1D713A8AE82B32FA79D5F7FC407D39B",
     false},
    {13, kKey, kMessage,
     "6CFF5C3BA86C69EA4B7376F31A9BCB4F74C1976089B2D9963DA2E5543E177769FFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
     "FFEBAAEDCE6AF48A03BBFD25E8CD0364141",
     false},
    {14, "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFC30", kMessage,
     "6CFF5C3BA86C69EA4B7376F31A9BCB4F74C1976089B2D9963DA2E5543E17776969E89B4C5564D00349106B8497785"
     "DD7D1D713A8AE82B32FA79D5F7FC407D39B",
     false},
};

template <class Bytes>
Bytes from_upper(std::string hex) {
    std::transform(hex.begin(), hex.end(), hex.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto result = base::parse_hex<Bytes>(hex);
    EXPECT_TRUE(result) << hex;
    return result.value_or(Bytes{});
}

TEST(VerifyTest, AgreesWithTheVectorsOfBip340) {
    for (const auto& vector : kVectors) {
        const auto event =
            signed_as(from_upper<PubKey>(vector.pubkey), from_upper<Id>(vector.message),
                      from_upper<Signature>(vector.signature));
        EXPECT_EQ(verify_signature(*event), vector.valid) << "vector " << vector.index;
    }
}

}  // namespace
}  // namespace parrhesia::event
