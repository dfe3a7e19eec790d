//! The MTA: mail from other hosts in, mail to other hosts out.
