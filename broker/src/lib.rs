//! portreeve-broker
