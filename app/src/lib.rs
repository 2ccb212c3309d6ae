//! portreeve-app
