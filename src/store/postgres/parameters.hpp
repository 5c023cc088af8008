// Values on their way to the server, in PostgreSQL's binary format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::store::postgres {

// Big-endian numbers at the end of a buffer.
void append_int16(std::string& out, std::int16_t value);
void append_int32(std::string& out, std::int32_t value);
void append_int64(std::string& out, std::int64_t value);
// An array of one dimension, without its length.
void append_array(std::string& out, std::span<const std::int64_t> values);

// The parameters of one statement, in order. Their types are those that the statement casts to.
class Parameters {
  public:
    Parameters& add(std::int64_t value);      // bigint
    Parameters& add(std::int32_t value);      // integer
    Parameters& add(std::string_view bytes);  // bytea or text
    Parameters& add_null();
    Parameters& add(std::span<const std::int64_t> values);      // bigint[]
    Parameters& add(std::span<const std::int32_t> values);      // integer[]
    Parameters& add_flags(const std::vector<bool>& values);     // boolean[]
    Parameters& add(std::span<const std::string> values);       // bytea[]
    Parameters& add(std::span<const std::string_view> values);  // bytea[]
    // The empty list is null: "no condition".
    template <class Values>
    Parameters& add_or_null(const Values& values) {
        return values.empty() ? add_null() : add(std::span(values));
    }

    [[nodiscard]] int count() const noexcept { return static_cast<int>(sizes_.size()); }
    // For libpq; valid until the next add().
    [[nodiscard]] const char* const* values();
    [[nodiscard]] const int* sizes() const noexcept { return sizes_.data(); }
    [[nodiscard]] const int* formats();  // all binary

  private:
    void begin();
    void end();
    template <class Strings>
    Parameters& add_strings(const Strings& values);

    std::string bytes_;
    std::vector<std::size_t> offsets_;
    std::vector<int> sizes_;  // -1: null
    std::vector<const char*> values_;
    std::vector<int> formats_;
};

// Rows for COPY ... FROM STDIN (FORMAT binary).
class CopyRows {
  public:
    explicit CopyRows(std::int16_t columns);
    void begin_row();
    void add(std::int64_t value);
    void add(std::int32_t value);
    void add(std::string_view bytes);
    void add(std::span<const std::int64_t> values);
    void add_null();

    [[nodiscard]] bool empty() const noexcept { return rows_ == 0; }
    [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
    // All of it, with the trailer. Once.
    [[nodiscard]] std::string_view finish();

  private:
    std::string bytes_;
    const std::int16_t columns_;
    std::size_t rows_ = 0;
};

}  // namespace parrhesia::store::postgres
