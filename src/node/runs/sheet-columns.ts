/** What the columns of a sample sheet show. */
export const SHEET_COLUMNS = ['low resolution', 'bicubic', 'now', 'truth'] as const;
