#include "app/nearest_name.hpp"

#include "app/config_keys.hpp"

#include <algorithm>

namespace parrhesia::app {

std::size_t edit_distance(std::string_view a, std::string_view b) {
    // Optimal string alignment, with the last three rows of the table.
    std::vector<std::size_t> before_last(b.size() + 1);
    std::vector<std::size_t> last(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = last[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, change});
            const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
        }
        before_last.swap(last);
        last.swap(row);
    }
    return last[b.size()];
}

std::string nearest_name(std::string_view name, const std::vector<std::string>& names) {
    const auto nearest = std::min_element(
        names.begin(), names.end(), [name](const std::string& a, const std::string& b) {
            return edit_distance(name, a) < edit_distance(name, b);
        });
    return *nearest;
}

std::string nearest_config_key(std::string_view name) {
    std::string nearest;
    std::size_t least = std::string_view::npos;
    for (const ConfigKey& key : config_keys()) {
        const std::string_view comparable =
            name.find('.') == std::string_view::npos ? key.short_name() : key.name;
        const std::size_t distance = edit_distance(name, comparable);
        if (distance >= least) continue;
        least = distance;
        nearest = key.name;
    }
    return nearest;
}

}  // namespace parrhesia::app
