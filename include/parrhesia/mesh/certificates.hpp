// Certificates for links with mutual TLS: an authority that signs for one cluster only, and one
// certificate for each relay of it. For who has no authority of his own.
#pragma once

#include <chrono>
#include <string>

namespace parrhesia::mesh {

// Both in PEM. ECDSA on P-256.
struct Certified {
    std::string certificate;
    std::string key;  // without a password
};

// Errors of both: std::runtime_error with what is wrong.
[[nodiscard]] Certified make_authority(const std::string& cluster, std::chrono::hours valid);

// `name` is the DNS name (SAN) in it: the node's id, or that, a dot and a domain. Valid from an
// hour ago, for clocks that differ.
[[nodiscard]] Certified issue_certificate(const Certified& authority, const std::string& name,
                                          std::chrono::hours valid);

}  // namespace parrhesia::mesh
