export const scale = async (..._a: unknown[]) => {}
