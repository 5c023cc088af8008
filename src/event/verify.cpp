#include "parrhesia/event/verify.hpp"

#include "event/record.hpp"
#include "event/sha256.hpp"

#include <openssl/rand.h>
#include <secp256k1.h>
#include <secp256k1_extrakeys.h>
#include <secp256k1_schnorrsig.h>

#include <cassert>
#include <memory>
#include <stdexcept>

namespace parrhesia::event {
namespace {

struct DestroyContext {
    void operator()(secp256k1_context* context) const noexcept {
        secp256k1_context_destroy(context);
    }
};

// One for all threads: it is only read after it has been made.
const secp256k1_context* context() {
    static const std::unique_ptr<secp256k1_context, DestroyContext> made(
        secp256k1_context_create(SECP256K1_CONTEXT_SIGN | SECP256K1_CONTEXT_VERIFY));
    return made.get();
}

// Keys as points, remembered: most events come from few authors, and finding the point of a key is
// a seventh of a verification. A slot holds the last key that fell into it; whoever mines keys for
// one slot gets the speed of no cache.
//
// Threading: one instance per thread.
class ParsedKeys {
  public:
    // nullptr: not the x coordinate of a point. Valid until the next call.
    const secp256k1_xonly_pubkey* find(std::string_view key) noexcept {
        Slot& slot = slots_[std::hash<PubKey>{}(PubKey::from_raw(key)) % kSlots];
        if (slot.used && slot.key.view() == key) return &slot.parsed;
        slot.used =
            secp256k1_xonly_pubkey_parse(context(), &slot.parsed,
                                         reinterpret_cast<const unsigned char*>(key.data())) == 1;
        slot.key = PubKey::from_raw(key);
        return slot.used ? &slot.parsed : nullptr;
    }

  private:
    static constexpr std::size_t kSlots = 4096;  // about 400 KB
    struct Slot {
        bool used = false;
        PubKey key;
        secp256k1_xonly_pubkey parsed;
    };
    std::unique_ptr<Slot[]> slots_ = std::make_unique<Slot[]>(kSlots);
};

}  // namespace

bool verify_signature(const Event& event) noexcept {
    thread_local ParsedKeys keys;
    const auto view = event.view();
    const secp256k1_xonly_pubkey* key = keys.find(view.pubkey_bytes());
    if (key == nullptr) return false;
    return secp256k1_schnorrsig_verify(
               context(), event.signature().data(),
               reinterpret_cast<const unsigned char*>(view.id_bytes().data()), Id::kSize, key) == 1;
}

static_assert(sizeof(secp256k1_keypair) == 96);

Keypair Keypair::from_seed(std::string_view seed) {
    SecretKey secret{sha256({seed})};
    // One hash in 2^128 is no valid secret; the hash of that one is.
    for (;;) {
        if (const auto keypair = from_secret(secret)) return *keypair;
        secret.bytes = sha256({secret.view()});
    }
}

std::optional<Keypair> Keypair::from_secret(const SecretKey& secret) {
    secp256k1_keypair keypair;
    if (secp256k1_keypair_create(context(), &keypair, secret.data()) != 1) return std::nullopt;
    Keypair result;
    std::memcpy(result.keypair_.data(), keypair.data, sizeof keypair.data);

    secp256k1_xonly_pubkey key;
    int parity = 0;
    if (secp256k1_keypair_xonly_pub(context(), &key, &parity, &keypair) != 1 ||
        secp256k1_xonly_pubkey_serialize(context(), result.pubkey_.data(), &key) != 1) {
        throw std::logic_error("libsecp256k1 refuses its own key");
    }
    return result;
}

Keypair Keypair::generate() {
    for (;;) {
        SecretKey secret;
        if (RAND_priv_bytes(secret.data(), SecretKey::kSize) != 1) {
            throw std::runtime_error("OpenSSL has no random numbers on this system");
        }
        if (const auto keypair = from_secret(secret)) return *keypair;
    }
}

SecretKey Keypair::secret() const {
    secp256k1_keypair keypair;
    std::memcpy(keypair.data, keypair_.data(), sizeof keypair.data);
    SecretKey result;
    if (secp256k1_keypair_sec(context(), result.data(), &keypair) != 1) {
        throw std::logic_error("libsecp256k1 refuses its own key");
    }
    return result;
}

Signature Keypair::sign(const Id& id) const {
    secp256k1_keypair keypair;
    std::memcpy(keypair.data, keypair_.data(), sizeof keypair.data);
    Signature result;
    // Without auxiliary randomness: the same draft gives the same event in every run.
    if (secp256k1_schnorrsig_sign32(context(), result.data(), id.data(), &keypair, nullptr) != 1) {
        throw std::logic_error("libsecp256k1 refuses its own key");
    }
    return result;
}

EventPtr sign_event(const Keypair& keypair, const EventDraft& draft) {
    assert(draft.created_at >= 0);
    auto& builder = record::Builder::of_this_thread();
    builder.start({keypair.pubkey(), draft.created_at, draft.kind});
    for (const auto& tag : draft.tags) {
        builder.begin_tag();
        for (const auto& value : tag) builder.add_value(value);
        builder.end_tag();
    }
    builder.set_content(draft.content);
    const auto id = builder.id();
    return builder.finish(id, keypair.sign(id));
}

}  // namespace parrhesia::event
