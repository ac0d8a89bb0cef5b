//! The few layers that burn lacks, or has with other numerics than the published network.

pub mod activation;
mod batch_norm;
mod blocks;
mod convolution;
pub mod cpu;
mod device;
pub mod dropout;
pub mod init;
#[cfg(feature = "tch")]
mod libtorch;
mod lstm;
mod precision;

pub use batch_norm::{BatchNorm, BatchNormConfig};
pub use blocks::{ResidualBlock, UpBlock, conv1x1, conv3x3, glu};
pub use convolution::{conv2d, convolve};
#[cfg(not(target_arch = "wasm32"))]
pub use device::gpu_kinds;
pub use device::is_processor;
pub use lstm::{Lstm, LstmConfig, LstmState};
pub use precision::Precision;

/// How many values of a module are running statistics of batch norms, which `num_params` counts though they are not trained.
pub fn running_statistics<M: burn::module::Module>(module: &M) -> usize {
    struct Counter {
        field: Vec<String>,
        count: usize,
    }
    impl burn::module::ModuleVisitor for Counter {
        fn enter_module(&mut self, name: &str, _container_type: &str) {
            self.field.push(name.to_string());
        }
        fn exit_module(&mut self, _name: &str, _container_type: &str) {
            self.field.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &burn::module::Param<burn::tensor::Tensor<D>>) {
            if self.field.last().is_some_and(|field| field.starts_with("running_")) {
                self.count += param.lazy_shape().num_elements();
            }
        }
    }
    let mut counter = Counter { field: Vec::new(), count: 0 };
    module.visit(&mut counter);
    counter.count
}
