#include "app/corpus_random.hpp"

#include <array>
#include <string_view>

namespace parrhesia::app {
namespace {

constexpr auto kWords = std::to_array<std::string_view>(
    {"the",        "a",        "of",      "and",     "to",       "in",     "is",       "you",
     "that",       "it",       "for",     "was",     "on",       "are",    "as",       "with",
     "they",       "be",       "at",      "one",     "have",     "this",   "from",     "by",
     "hot",        "word",     "but",     "what",    "some",     "we",     "can",      "out",
     "other",      "were",     "all",     "there",   "when",     "up",     "use",      "your",
     "how",        "said",     "each",    "she",     "which",    "their",  "time",     "if",
     "will",       "way",      "about",   "many",    "then",     "them",   "write",    "would",
     "relay",      "note",     "client",  "key",     "event",    "zap",    "sats",     "nostr",
     "morning",    "coffee",   "freedom", "speech",  "protocol", "signed", "thread",   "follow",
     "people",     "building", "network", "message", "weekend",  "garden", "mountain", "music",
     "don't",      "\"yes\"",  "Grüße",   "café",    "naïve",    "über",   "привет",   "мир",
     "こんにちは", "世界",     "你好",    "مرحبا",   "🤙",     "⚡",      "💜",        "🧡"});

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::uint64_t CorpusRandom::next() noexcept {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31U);
}

std::size_t CorpusRandom::below(std::size_t bound) noexcept { return next() % bound; }

std::size_t CorpusRandom::between(std::size_t first, std::size_t last) noexcept {
    return first + below(last - first + 1);
}

bool CorpusRandom::percent(unsigned chance) noexcept { return below(100) < chance; }

std::size_t CorpusRandom::skewed(std::size_t bound) noexcept {
    // The lowest of a few uniform draws; integers only, so that all machines agree.
    std::size_t lowest = below(bound);
    for (int draw = 0; draw < 3; ++draw) {
        const std::size_t other = below(bound);
        if (other < lowest) lowest = other;
    }
    return lowest;
}

std::string CorpusRandom::hex(std::size_t digits) {
    std::string out(digits, '0');
    for (char& c : out) c = "0123456789abcdef"[below(16)];
    return out;
}

std::string CorpusRandom::base64(std::size_t characters) {
    std::string out(characters, 'A');
    for (char& c : out) c = kBase64[below(kBase64.size())];
    return out;
}

std::string CorpusRandom::prose(std::size_t words) {
    std::string out;
    for (std::size_t i = 0; i < words; ++i) {
        if (!out.empty()) out += percent(4) ? "\n" : percent(8) ? ". " : " ";
        if (percent(1)) {
            out += "https://example.com/" + word() + "/";
            out += hex(12) + ".jpg";
        } else {
            out += word();
        }
    }
    return out;
}

std::string CorpusRandom::word() { return std::string(kWords[below(kWords.size())]); }

}  // namespace parrhesia::app
