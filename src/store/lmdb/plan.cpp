#include "store/lmdb/plan.hpp"

#include "store/rules/access.hpp"

#include <algorithm>

namespace parrhesia::store::lmdb {
namespace {

using By = AccessPath::By;
using event::Filter;

[[nodiscard]] Plan keys_for(const AccessPath& path, const Filter& filter) {
    Plan plan{Plan::Way::ranges, Index::created_at, {}};
    const auto add = [&plan](const KeyBuffer& key) { plan.keys.emplace_back(key.view()); };
    switch (path.by) {
        case By::nothing:
            break;
        case By::id:
            plan = {Plan::Way::lookup, Index::id, {}};
            for (const base::Id& id : filter.ids) plan.keys.emplace_back(id.view());
            break;
        case By::address:
            plan = {Plan::Way::lookup, Index::address, {}};
            for (const KeyBuffer& address : addresses_of(filter)) add(address);
            break;
        case By::author_kind:
            plan.index = Index::author_kind;
            for (const base::PubKey& author : filter.authors) {
                for (const Kind kind : filter.kinds) {
                    add(KeyBuffer().add(author.view()).add_kind(kind));
                }
            }
            break;
        case By::author:
            plan.index = Index::author;
            for (const base::PubKey& author : filter.authors) plan.keys.emplace_back(author.view());
            break;
        case By::tag:
            plan.index = Index::tag;
            for (const std::string& value : path.tag->values) {
                add(KeyBuffer().add_letter(path.tag->name).add_value(value));
            }
            break;
        case By::kind:
            plan.index = Index::kind;
            for (const Kind kind : filter.kinds) add(KeyBuffer().add_kind(kind));
            break;
        case By::created_at:
            plan.keys.emplace_back();
            break;
    }
    return plan;
}

}  // namespace

Plan make_plan(const Filter& filter) {
    const AccessPath path = choose_access(filter);
    if (path.by == By::nothing) return {};
    Plan plan = keys_for(path, filter);
    // In the order of the tree, neighbouring seeks share pages. Two values may share one hash.
    std::sort(plan.keys.begin(), plan.keys.end());
    plan.keys.erase(std::unique(plan.keys.begin(), plan.keys.end()), plan.keys.end());
    return plan;
}

}  // namespace parrhesia::store::lmdb
