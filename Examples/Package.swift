// swift-tools-version: 6.2
// What others build on dpflsim: a method, a model, a layer, an adapter, data and a metric of their own, one file each.
// docs/extending.md walks through them; tools/test builds and runs them.
import PackageDescription

let package = Package(
  name: "dpflsim-examples",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "dpflsim", path: "..")],
  targets: [
    .executableTarget(
      name: "Examples",
      dependencies: [
        .product(name: "DPFLSim", package: "dpflsim"),
        .product(name: "DPFLSimResults", package: "dpflsim"),
      ])
  ],
  swiftLanguageModes: [.v6]
)
