// The project's own files as text, for the tests that hold the sources to the rules of the house.
#pragma once

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::style {

struct SourceFile {
    std::string path;  // from the project's root, with '/'
    std::string text;
};

// Regular files below `folder` (from the project's root) whose names end in one of `endings`, by
// path. Installed packages are not ours and are left out.
inline std::vector<SourceFile> files_below(const std::string& folder,
                                           const std::vector<std::string>& endings) {
    namespace fs = std::filesystem;
    const fs::path root(PARRHESIA_SOURCE_DIR);
    std::vector<SourceFile> result;
    if (!fs::exists(root / folder)) return result;
    for (auto entry = fs::recursive_directory_iterator(root / folder); entry != fs::end(entry);
         ++entry) {
        const std::string name = entry->path().filename().string();
        if (entry->is_directory()) {
            if (name == "node_modules") entry.disable_recursion_pending();
            continue;
        }
        const auto ends = [&name](const std::string& ending) { return name.ends_with(ending); };
        if (std::none_of(endings.begin(), endings.end(), ends)) continue;
        std::ifstream in(entry->path(), std::ios::binary);
        if (!in) throw std::runtime_error("cannot read " + entry->path().string());
        result.push_back({fs::relative(entry->path(), root).generic_string(),
                          {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()}});
    }
    std::sort(result.begin(), result.end(),
              [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
    return result;
}

inline std::vector<SourceFile> cpp_files(const std::vector<std::string>& folders) {
    std::vector<SourceFile> result;
    for (const auto& folder : folders) {
        auto files = files_below(folder, {".cpp", ".hpp"});
        std::move(files.begin(), files.end(), std::back_inserter(result));
    }
    return result;
}

inline std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

enum class Comments { keep, blank };

// The text with what stands in string and character literals blanked, and comments too if asked
// for: a rule about code must not trip over words. Lines stay lines.
inline std::string without_literals(std::string_view text, Comments comments) {
    std::string out(text);
    const auto blank = [&out](std::size_t from, std::size_t to) {
        for (std::size_t i = from; i < std::min(to, out.size()); ++i) {
            if (out[i] != '\n') out[i] = ' ';
        }
    };
    const auto end_of = [text](std::string_view mark, std::size_t from) {
        const std::size_t at = text.find(mark, from);
        return at == std::string_view::npos ? text.size() : at + mark.size();
    };
    std::size_t i = 0;
    while (i < text.size()) {
        const std::string_view rest = text.substr(i);
        if (rest.starts_with("//") || rest.starts_with("/*")) {
            const std::size_t end = rest[1] == '/' ? end_of("\n", i) : end_of("*/", i + 2);
            if (comments == Comments::blank) blank(i, end);
            i = end;
        } else if (rest.starts_with("R\"")) {
            const std::size_t open = std::min(text.find('(', i), text.size());
            const std::string mark = ")" + std::string(text.substr(i + 2, open - i - 2)) + "\"";
            const std::size_t end = end_of(mark, open);
            blank(open + 1, end - std::min(end, mark.size()));
            i = end;
        } else if (rest[0] == '"' || (rest[0] == '\'' &&
                                      (i == 0 || std::isalnum(static_cast<unsigned char>(
                                                     text[i - 1])) == 0))) {  // 1'000 is no literal
            std::size_t end = i + 1;
            while (end < text.size() && text[end] != rest[0] && text[end] != '\n') {
                end += text[end] == '\\' ? 2u : 1u;
            }
            blank(i + 1, end);
            i = end + 1;
        } else {
            ++i;
        }
    }
    return out;
}

}  // namespace parrhesia::style
