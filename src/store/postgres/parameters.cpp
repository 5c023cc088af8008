#include "store/postgres/parameters.hpp"

#include "store/rules/keys.hpp"

#include <array>

namespace parrhesia::store::postgres {
namespace {

// Types of PostgreSQL's catalog that have had these numbers for ever.
constexpr std::int32_t kBoolOid = 16;
constexpr std::int32_t kByteaOid = 17;
constexpr std::int32_t kInt8Oid = 20;
constexpr std::int32_t kInt4Oid = 23;

void append_array_head(std::string& out, std::size_t size, std::int32_t type) {
    append_int32(out, size == 0 ? 0 : 1);  // dimensions
    append_int32(out, 0);                  // no nulls
    append_int32(out, type);
    if (size == 0) return;
    append_int32(out, static_cast<std::int32_t>(size));
    append_int32(out, 1);  // the first index
}

}  // namespace

void append_int16(std::string& out, std::int16_t value) {
    std::array<char, 2> bytes;
    write_u16(bytes.data(), static_cast<std::uint16_t>(value));
    out.append(bytes.data(), bytes.size());
}

void append_int32(std::string& out, std::int32_t value) {
    const std::uint32_t swapped = __builtin_bswap32(static_cast<std::uint32_t>(value));
    out.append(reinterpret_cast<const char*>(&swapped), sizeof swapped);
}

void append_int64(std::string& out, std::int64_t value) {
    std::array<char, 8> bytes;
    write_u64(bytes.data(), static_cast<std::uint64_t>(value));
    out.append(bytes.data(), bytes.size());
}

void append_array(std::string& out, std::span<const std::int64_t> values) {
    append_array_head(out, values.size(), kInt8Oid);
    for (const std::int64_t value : values) {
        append_int32(out, 8);
        append_int64(out, value);
    }
}

void Parameters::begin() { offsets_.push_back(bytes_.size()); }
void Parameters::end() { sizes_.push_back(static_cast<int>(bytes_.size() - offsets_.back())); }

Parameters& Parameters::add(std::int64_t value) {
    begin();
    append_int64(bytes_, value);
    end();
    return *this;
}

Parameters& Parameters::add(std::int32_t value) {
    begin();
    append_int32(bytes_, value);
    end();
    return *this;
}

Parameters& Parameters::add(std::string_view bytes) {
    begin();
    bytes_.append(bytes);
    end();
    return *this;
}

Parameters& Parameters::add_null() {
    begin();
    sizes_.push_back(-1);
    return *this;
}

Parameters& Parameters::add(std::span<const std::int64_t> values) {
    begin();
    append_array(bytes_, values);
    end();
    return *this;
}

Parameters& Parameters::add(std::span<const std::int32_t> values) {
    begin();
    append_array_head(bytes_, values.size(), kInt4Oid);
    for (const std::int32_t value : values) {
        append_int32(bytes_, 4);
        append_int32(bytes_, value);
    }
    end();
    return *this;
}

Parameters& Parameters::add_flags(const std::vector<bool>& values) {
    begin();
    append_array_head(bytes_, values.size(), kBoolOid);
    for (const bool value : values) {
        append_int32(bytes_, 1);
        bytes_.push_back(value ? '\1' : '\0');
    }
    end();
    return *this;
}

template <class Strings>
Parameters& Parameters::add_strings(const Strings& values) {
    begin();
    append_array_head(bytes_, values.size(), kByteaOid);
    for (const std::string_view value : values) {
        append_int32(bytes_, static_cast<std::int32_t>(value.size()));
        bytes_.append(value);
    }
    end();
    return *this;
}

Parameters& Parameters::add(std::span<const std::string> values) { return add_strings(values); }
Parameters& Parameters::add(std::span<const std::string_view> values) {
    return add_strings(values);
}

const char* const* Parameters::values() {
    values_.clear();
    for (std::size_t i = 0; i < sizes_.size(); ++i) {
        values_.push_back(sizes_[i] < 0 ? nullptr : bytes_.data() + offsets_[i]);
    }
    return values_.data();
}

const int* Parameters::formats() {
    formats_.assign(sizes_.size(), 1);
    return formats_.data();
}

CopyRows::CopyRows(std::int16_t columns) : columns_(columns) {
    constexpr std::string_view kSignature("PGCOPY\n\377\r\n\0", 11);
    bytes_.append(kSignature);
    append_int32(bytes_, 0);  // flags
    append_int32(bytes_, 0);  // no extension
}

void CopyRows::begin_row() {
    append_int16(bytes_, columns_);
    ++rows_;
}

void CopyRows::add(std::int64_t value) {
    append_int32(bytes_, 8);
    append_int64(bytes_, value);
}

void CopyRows::add(std::int32_t value) {
    append_int32(bytes_, 4);
    append_int32(bytes_, value);
}

void CopyRows::add(std::string_view bytes) {
    append_int32(bytes_, static_cast<std::int32_t>(bytes.size()));
    bytes_.append(bytes);
}

void CopyRows::add(std::span<const std::int64_t> values) {
    const std::size_t at = bytes_.size();
    append_int32(bytes_, 0);
    append_array(bytes_, values);
    std::string size;
    append_int32(size, static_cast<std::int32_t>(bytes_.size() - at - 4));
    bytes_.replace(at, 4, size);
}

void CopyRows::add_null() { append_int32(bytes_, -1); }

std::string_view CopyRows::finish() {
    append_int16(bytes_, -1);
    return bytes_;
}

}  // namespace parrhesia::store::postgres
