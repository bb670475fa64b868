// swift-tools-version: 6.2
// The rooms of the house and the arrows between them; docs/architecture.md says what each room is for.
import PackageDescription

let house: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

let numerics = Target.Dependency.product(name: "RealModule", package: "swift-numerics")
let database = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let results: [Target.Dependency] = ["Formatting", "Store", "Analysis", "Presentation"]
/// What `DPFLSim` hands on. Who imports it names these as well: a target is compiled again only where a module that it
/// names has changed, and would go on with the old layout of the types of others.
let library: [Target.Dependency] = [
  "Clustering", "Datasets", "Federation", "JSON", "Kernels", "Learning", "Privacy", "Scenarios",
  "Tensors",
]

func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: house)
}

/// Tests are compiled in half the time without optimisation, and what they test has its own.
let unoptimised = house + [.unsafeFlags(["-Onone"])]

/// - Parameter rooms: what is tested, where it is not one room of that name.
func tests(
  _ name: String, of rooms: [Target.Dependency]? = nil, _ dependencies: [Target.Dependency] = []
) -> Target {
  .testTarget(
    name: "\(name)Tests",
    dependencies: (rooms ?? [.byName(name: name)]) + ["TestSupport"] + dependencies,
    resources: [.copy("Golden")], swiftSettings: unoptimised)
}

let package = Package(
  name: "dpflsim",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "dpflsim", targets: ["dpflsim"]),
    .library(name: "DPFLSim", targets: ["DPFLSim"]),
    // With it come SQLite and tables.
    .library(
      name: "DPFLSimResults", targets: ["Formatting", "Store", "Analysis", "Presentation"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-numerics", from: "1.1.1"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
  ],
  targets: [
    .systemLibrary(
      name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),

    room("JSON"),
    room("Hashing", ["COpenSSL"]),
    room("Ranks"),
    room("Kernels", ["COpenBLAS", numerics]),
    room("Tensors", ["JSON"]),
    room("Text", ["JSON"]),
    room("Privacy", ["Kernels", numerics]),
    room("Learning", ["Kernels", "Tensors"]),
    room("Clustering", ["Kernels", numerics]),
    room("Datasets", ["Kernels", "CZlib", "Text", "Hashing"]),
    room("Scenarios", ["JSON", "Datasets", "Hashing"]),
    room(
      "Federation",
      [
        "Kernels", "Privacy", "Learning", "Clustering", "Datasets", "Scenarios", "Tensors", "Ranks",
        "Hashing",
      ]),
    room("DPFLSim", library),
    room(
      "Laboratory",
      [
        "Kernels", "Privacy", "Learning", "Clustering", "Datasets", "Federation", "Scenarios",
        "Tensors", numerics,
      ]),
    room("Formatting", ["JSON"]),
    room(
      "Store",
      [
        "Formatting", "Federation", "Scenarios", "Privacy", "Clustering", "Datasets", "Kernels",
        "Learning", "Tensors", "JSON", "Hashing", database,
      ]),
    room(
      "Analysis",
      [
        "Store", "Formatting", "Federation", "Scenarios", "Privacy", "Clustering", "Datasets",
        "Learning", "Kernels", "Tensors", database,
      ]),
    room(
      "Presentation",
      [
        "Analysis", "Store", "Formatting", "Laboratory", "Federation", "Scenarios", "Privacy",
        "Clustering", "Datasets", "Learning", "Tensors", "JSON", "Hashing", database,
      ]),
    .executableTarget(
      name: "dpflsim",
      dependencies: results + [
        "Federation", "Scenarios", "Datasets", "Privacy", "Learning", "Clustering", "Kernels",
        "Laboratory", "Tensors", "Ranks",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "FlyingFox", package: "FlyingFox"),
        .product(name: "FlyingSocks", package: "FlyingFox"),
      ],
      swiftSettings: house),

    // Compiled here as well, so that tools/test needs no second build: it sees what other packages see.
    .executableTarget(
      name: "Examples",
      dependencies: results + library + ["DPFLSim"],
      path: "Examples/Sources/Examples", packageAccess: false),

    // Likewise: CI changes inputs blindly, on the rooms of this build. Fuzzing/Package.swift builds them anew for
    // long runs, guided by the code that inputs reach (tools/fuzz).
    .systemLibrary(name: "CLibFuzzer", path: "Fuzzing/Sources/CLibFuzzer"),
    .executableTarget(
      name: "Fuzz",
      dependencies: results + library + ["CLibFuzzer", "DPFLSim"],
      path: "Fuzzing/Sources/Fuzz", packageAccess: false,
      swiftSettings: house + [.unsafeFlags(["-sanitize=fuzzer"])],
      linkerSettings: [.unsafeFlags(["-sanitize=fuzzer"])]),

    .target(
      name: "TestSupport", dependencies: ["Kernels"], path: "Tests/TestSupport",
      swiftSettings: house),
    .target(
      name: "TestModels",
      dependencies: ["Datasets", "Federation", "Kernels", "Ranks", "Scenarios", "Tensors"],
      path: "Tests/TestModels", swiftSettings: house),
    tests("JSON", ["Kernels"]), tests("Tensors", ["JSON", "Kernels", "Learning"]),
    tests("Text"),
    tests("Kernels"), tests("Privacy"), tests("Learning", ["Tensors"]), tests("Clustering"),
    tests("Datasets", ["Hashing", "Text"]),
    tests("Scenarios", ["Datasets"]),
    tests(
      "Federation",
      [
        "Kernels", "Privacy", "Learning", "Clustering", "Datasets", "Scenarios", "Tensors",
        "Ranks", "TestModels",
      ]),
    tests("Laboratory", ["Kernels", "Learning", "Scenarios", "Datasets", "Federation"]),
    tests(
      "Results", of: results,
      [
        "Kernels", "Learning", "Privacy", "Federation", "Scenarios", "Datasets", "Tensors",
        "TestModels", database,
      ]),
    // They call the program, and are compiled beside it.
    tests("Command", of: results, ["Federation", "Kernels", "Scenarios", "Datasets", "Privacy"]),
    .testTarget(
      name: "ProgramTests",
      dependencies: results + [
        "dpflsim", "Federation", "Kernels", "Scenarios", "Datasets", "Privacy", "Clustering",
        "Tensors",
      ],
      swiftSettings: unoptimised),
  ],
  swiftLanguageModes: [.v6]
)
