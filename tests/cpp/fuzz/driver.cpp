// Stands in for libFuzzer where the compiler has none: mutates the seed files with a fixed
// generator, so a failure comes back with the same arguments.
//
//   fuzz_reader SEED_FILE_OR_FOLDER... [-runs=N] [-seed=S]

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void run(const std::string& input) {
  (void)LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

/// A few of: a flipped bit, a byte replaced, a piece cut out, a piece repeated, the end cut off.
std::string mutate(std::string input, std::mt19937_64& random) {
  const auto below = [&random](std::size_t bound) { return bound == 0 ? 0 : random() % bound; };
  for (std::size_t changes = 1 + below(4); changes-- > 0 && !input.empty();) {
    const std::size_t at = below(input.size());
    const std::size_t length = below(input.size() - at) % 64;
    switch (below(5)) {
      case 0:
        input[at] = static_cast<char>(input[at] ^ (1 << below(8)));
        break;
      case 1:
        input[at] = static_cast<char>(random());
        break;
      case 2:
        input.erase(at, length);
        break;
      case 3:
        input.insert(at, input.substr(at, length));
        break;
      default:
        if (below(8) == 0) input.resize(at);
    }
  }
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> seeds;
  std::uint64_t runs = 20000;
  std::uint64_t seed = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.starts_with("-runs=")) {
      runs = std::stoull(argument.substr(6));
    } else if (argument.starts_with("-seed=")) {
      seed = std::stoull(argument.substr(6));
    } else if (fs::is_directory(argument)) {
      for (const auto& entry : fs::recursive_directory_iterator(argument)) {
        if (entry.is_regular_file()) seeds.push_back(read(entry.path()));
      }
    } else {
      seeds.push_back(read(argument));
    }
  }
  for (const std::string& input : seeds) run(input);
  std::mt19937_64 random(seed);
  for (std::uint64_t i = 0; i < runs && !seeds.empty(); ++i) {
    run(mutate(seeds[random() % seeds.size()], random));
  }
  std::printf("%zu seeds, %llu mutants: ok\n", seeds.size(), static_cast<unsigned long long>(runs));
  return seeds.empty();
}
