//! The layers that this crate knows, found by the names that burn gives to their types.

use std::any::type_name;

use burn::module::{Module, ModuleVisitor, Param};
use burn::nn::conv::Conv2d;
use burn::nn::{Embedding, Linear};
use burn::tensor::Tensor;

#[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
use super::fixed::{FixedMix, Standardize};
use super::layer::{Layer, Role};
#[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
use super::spectral::{SpectralConv2d, SpectralLinear, SpectralNorm};
use super::{BatchNorm, Lstm};
use crate::{Error, Result};

/// A [`Layer`] as the table has it.
pub struct Known {
    full_name: fn() -> &'static str,
    role: fn(&str) -> Option<Role>,
    exact: bool,
}

const fn known<L: Layer>() -> Known {
    Known { full_name: type_name::<L>, role: L::role, exact: L::EXACT }
}

static TABLE: &[Known] = &[
    known::<Conv2d>(),
    known::<Linear>(),
    known::<Embedding>(),
    known::<BatchNorm>(),
    known::<Lstm>(),
    #[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
    known::<SpectralNorm>(),
    #[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
    known::<SpectralConv2d>(),
    #[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
    known::<SpectralLinear>(),
    #[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
    known::<Standardize>(),
    #[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
    known::<FixedMix>(),
];

impl Known {
    /// The type's name without the modules that it is in.
    fn name(&self) -> &'static str {
        let name = (self.full_name)();
        name.rsplit("::").next().unwrap_or(name)
    }

    /// Whether the numbers stay f32 where others have 16 bits.
    pub fn is_exact(&self) -> bool {
        self.exact
    }
}

/// Where a visitor or mapper of a module is: the fields entered, outermost first, each with what burn calls the type that has it.
#[derive(Debug, Default)]
pub struct ModulePath(Vec<(String, String)>);

impl ModulePath {
    /// What `enter_module` does.
    pub fn enter(&mut self, field: &str, container: &str) {
        self.0.push((field.to_string(), container.to_string()));
    }

    /// What `exit_module` does.
    pub fn exit(&mut self) {
        self.0.pop();
    }

    /// The fields with dots between them. The variant of an enum is none: a network keeps its keys where it becomes one of several.
    pub fn key(&self) -> String {
        let fields = self.0.iter().filter(|(_, container)| !container.starts_with("Enum:"));
        fields.map(|(field, _)| field.as_str()).collect::<Vec<_>>().join(".")
    }

    /// The layer that has the numbers here.
    ///
    /// # Errors
    /// [`Error::UnknownLayer`] where no layer of the table has them.
    pub fn layer(&self) -> Result<&'static Known> {
        let layer = self.0.last().and_then(|(_, container)| {
            let name = container.strip_prefix("Struct:")?;
            TABLE.iter().find(|layer| layer.name() == name)
        });
        layer.ok_or_else(|| self.unknown())
    }

    /// What the numbers here are.
    ///
    /// # Errors
    /// [`Error::UnknownLayer`] where no layer of the table has them, or the layer has no such field.
    pub fn role(&self) -> Result<Role> {
        let layer = self.layer()?;
        self.0.last().and_then(|(field, _)| (layer.role)(field)).ok_or_else(|| self.unknown())
    }

    fn unknown(&self) -> Error {
        let container = self.0.last().map(|(_, container)| container.clone());
        Error::UnknownLayer { path: self.key(), layer: container.unwrap_or_default() }
    }
}

/// How many values of a module are running statistics and other state, which `num_params` counts though they are not trained.
pub fn running_statistics<M: Module>(module: &M) -> usize {
    let mut counter = Counter { path: ModulePath::default(), count: 0 };
    module.visit(&mut counter);
    counter.count
}

struct Counter {
    path: ModulePath,
    count: usize,
}

impl ModuleVisitor for Counter {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if matches!(self.path.role(), Ok(Role::State)) {
            self.count += param.lazy_shape().num_elements();
        }
    }
}

#[cfg(all(test, feature = "lab"))]
mod tests {
    use super::*;
    use crate::nn::{BatchNormConfig, LstmConfig};
    use burn::nn::conv::Conv2dConfig;
    use burn::nn::{EmbeddingConfig, LinearConfig};
    use burn::tensor::Device;
    use rand::SeedableRng;

    /// Asserts that each number of a layer is found in the table, under the name that burn tells; gives that name.
    fn is_known<L: Layer + Module>(layer: &L) -> String {
        struct Fields {
            path: ModulePath,
            found: Vec<(String, bool)>,
        }
        impl ModuleVisitor for Fields {
            fn enter_module(&mut self, name: &str, container_type: &str) {
                self.path.enter(name, container_type);
            }
            fn exit_module(&mut self, _name: &str, _container_type: &str) {
                self.path.exit();
            }
            fn visit_float<const D: usize>(&mut self, _param: &Param<Tensor<D>>) {
                let known = self.path.layer().unwrap();
                // What is found while training has no 16 bits anywhere.
                assert!(self.path.role().unwrap() != Role::State || known.is_exact(), "{:?}", self.path);
                self.found.push(((known.full_name)().to_string(), self.path.0.len() == 1));
            }
        }
        let mut fields = Fields { path: ModulePath::default(), found: Vec::new() };
        layer.visit(&mut fields);
        // What is deeper is another layer's.
        let own: Vec<_> = fields.found.into_iter().filter(|(_, own)| *own).collect();
        assert!(!own.is_empty() && own.iter().all(|(name, _)| name == type_name::<L>()), "{own:?}");
        type_name::<L>().to_string()
    }

    #[test]
    fn burn_calls_every_layer_as_the_table_does() {
        let device = Device::flex();
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let mut found = vec![
            is_known(&Conv2dConfig::new([2, 3], [3, 3]).init(&device)),
            is_known(&LinearConfig::new(2, 3).init(&device)),
            is_known(&EmbeddingConfig::new(2, 3).init(&device)),
            is_known(&BatchNormConfig::new(2).init(&device)),
            is_known(&LstmConfig::new(2, 3).init(&device)),
            is_known(&SpectralNorm::new(2, &device, &mut rng)),
            is_known(&SpectralConv2d::new([2, 3], 3, 1, 1, &device, &mut rng)),
            is_known(&SpectralLinear::new(2, 3, &device, &mut rng)),
            is_known(&Standardize::new(2, &device)),
            is_known(&FixedMix::new(2, 3, &device, &mut rng)),
        ];
        let mut table: Vec<_> = TABLE.iter().map(|layer| (layer.full_name)().to_string()).collect();
        found.sort();
        table.sort();
        assert_eq!(found, table);
        let mut names: Vec<_> = TABLE.iter().map(Known::name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), TABLE.len(), "two layers of one name cannot be told apart");
    }
}
