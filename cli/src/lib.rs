//! portreeve-cli
