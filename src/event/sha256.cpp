#include "event/sha256.hpp"

#include <openssl/evp.h>

#include <memory>
#include <stdexcept>

namespace parrhesia::event {
namespace {

struct FreeContext {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};

void require(bool ok) {
    if (!ok) throw std::runtime_error("OpenSSL cannot compute SHA-256 on this system");
}

// Fetched once: EVP_sha256() would look the provider up again for every hash.
const EVP_MD* algorithm() {
    static const EVP_MD* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    require(fetched != nullptr);
    return fetched;
}

}  // namespace

std::array<std::uint8_t, 32> sha256(std::initializer_list<std::string_view> pieces) {
    thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
    std::array<std::uint8_t, 32> result{};
    require(context != nullptr && EVP_DigestInit_ex2(context.get(), algorithm(), nullptr) == 1);
    for (const auto piece : pieces) {
        require(EVP_DigestUpdate(context.get(), piece.data(), piece.size()) == 1);
    }
    require(EVP_DigestFinal_ex(context.get(), result.data(), nullptr) == 1);
    return result;
}

}  // namespace parrhesia::event
