//! A gauge without labels that need not have a value.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use prometheus_client::{
    encoding::{EncodeGaugeValue, EncodeMetric, MetricEncoder},
    metrics::MetricType,
};

/// The value last measured; while there is none, nothing is told, not even the name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measured<T>(Arc<Mutex<Option<T>>>);

impl<T: Copy> Measured<T> {
    pub(crate) fn set(&self, value: Option<T>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = value;
    }

    fn get(&self) -> Option<T> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Copy + EncodeGaugeValue> EncodeMetric for Measured<T> {
    fn encode(&self, mut encoder: MetricEncoder) -> fmt::Result {
        self.get().map_or(Ok(()), |value| encoder.encode_gauge(&value))
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }

    fn is_empty(&self) -> bool {
        self.get().is_none()
    }
}
