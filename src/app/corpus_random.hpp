// Random choices that are the same on every machine: the standard distributions are not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace parrhesia::app {

// SplitMix64 (Steele, Lea, Flood 2014): every seed is a good one.
class CorpusRandom {
  public:
    explicit CorpusRandom(std::uint64_t seed) noexcept : state_(seed) {}

    [[nodiscard]] std::uint64_t next() noexcept;
    // 0 to bound - 1; bound > 0.
    [[nodiscard]] std::size_t below(std::size_t bound) noexcept;
    [[nodiscard]] std::size_t between(std::size_t first, std::size_t last) noexcept;
    [[nodiscard]] bool percent(unsigned chance) noexcept;
    // 0 to bound - 1, small numbers far more often: a few authors write most, a few notes get most
    // reactions.
    [[nodiscard]] std::size_t skewed(std::size_t bound) noexcept;

    [[nodiscard]] std::string hex(std::size_t digits);
    [[nodiscard]] std::string base64(std::size_t characters);
    // Words, sentences, now and then a line break, a quote, a link, a symbol beyond ASCII.
    [[nodiscard]] std::string prose(std::size_t words);
    [[nodiscard]] std::string word();

  private:
    std::uint64_t state_;
};

}  // namespace parrhesia::app
