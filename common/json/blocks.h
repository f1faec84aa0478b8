/* blocks.h - memory for JSON values. A message of some hundred targets is ten thousand small blocks, made at once and
 * freed at once; malloc gives them back to a heap full of long-lived state, and searches that heap for the next ones.
 * That took more time than all that is done with the values. Here a free block waits, by its size, for the next value. */
#ifndef TIDEGATE_JSON_BLOCKS_H
#define TIDEGATE_JSON_BLOCKS_H

/* From now on jansson's values live in such blocks; call it before the first value is made. What waits is bounded, by
 * some tens of megabytes for each thread. With AddressSanitizer it does nothing: a value that is used after it was freed
 * is to be found. */
void json_blocks_use(void);

#endif
