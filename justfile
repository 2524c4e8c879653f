# Daily recipes; `just` lists them. `cargo xtask` does the work.

_default:
    @just --list --unsorted

# Compile everything
check:
    cargo check --workspace --all-targets

# Format everything
fmt:
    cargo fmt --all

# Lints as in CI
lint:
    cargo clippy --workspace --all-targets -- -D warnings

# Unit and integration tests [of what matches]
unit *filter:
    cargo nextest run --workspace --exclude kuryr-e2e {{filter}}

# All checks as in CI, or some: just test --only fmt clippy
test *args:
    cargo xtask test {{args}}

# The embedded cloud until Ctrl-C
lab *args:
    ./x lab {{args}}

# Release binaries in target/dist
build:
    cargo xtask build

# Write CRDs and the configuration reference anew
generate:
    cargo xtask generate

# The real stack: just stack-up --backend ovs
stack-up *args:
    stack/stack up {{args}}

stack-down:
    stack/stack down

# Pods on the real stack [ovs]
e2e backend="ovn":
    cargo xtask test --keep-stack --only e2e-{{backend}}

# API documentation in the browser
docs:
    cargo doc --workspace --no-deps --open

# Figures of 10,000 to 100,000 pods, with plots, into a folder; half an hour
scale dir="target/scale" churn="10m":
    cargo build --release
    target/release/kuryr bench scale --pods 10000 --nodes 200 --churn-rate 50 --churn-time {{churn}} --report {{dir}}/10000
    target/release/kuryr bench scale --pods 10000 --nodes 200 --pools --churn-rate 50 --churn-time {{churn}} --report {{dir}}/10000-pools
    target/release/kuryr bench scale --pods 0 --sizes 1000,3000,10000,30000,100000 --report {{dir}}/sizes
    target/release/kuryr bench scale --pods 4094 --nodes 1 --skip-churn --report {{dir}}/one-node
