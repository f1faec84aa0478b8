#include "common/base/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct number {
    struct heap_item item;
    int value;
};

static bool number_before(const struct heap_item *a, const struct heap_item *b)
{
    return ((const struct number *)a)->value < ((const struct number *)b)->value;
}

static void a_heap_gives_its_firsts_in_order_while_items_come_and_go(void **state)
{
    enum { COUNT = 500 };
    struct number numbers[COUNT] = { 0 };
    const struct heap_item *firsts[COUNT];
    struct heap heap = { .before = number_before };

    (void)state;
    assert_null(heap_first(&heap));
    assert_int_equal(heap_firsts(&heap, firsts, 3), 0);
    for (int i = 0; i < COUNT; i++) {
        numbers[i].value = (i * 211) % COUNT;
        heap_insert(&heap, &numbers[i].item);
    }
    for (int i = 0; i < COUNT; i++)
        if (numbers[i].value % 3 == 0) {
            heap_remove(&heap, &numbers[i].item);
            heap_remove(&heap, &numbers[i].item);
        }
    assert_int_equal(((struct number *)heap_first(&heap))->value, 1);
    assert_int_equal(heap_firsts(&heap, firsts, 0), 0);
    assert_int_equal(heap_firsts(&heap, firsts, 10), 10);
    assert_int_equal(heap_firsts(&heap, firsts, COUNT), heap.count);
    for (size_t i = 0; i < heap.count; i++)
        assert_int_equal(((const struct number *)firsts[i])->value, (int)(i / 2 * 3 + i % 2 + 1));
    for (int want = 1; heap.count > 0; want += want % 3 == 1 ? 1 : 2) {
        assert_int_equal(((struct number *)heap_first(&heap))->value, want);
        heap_remove(&heap, heap_first(&heap));
    }
    heap_release(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_heap_gives_its_firsts_in_order_while_items_come_and_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
