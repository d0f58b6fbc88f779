// Threads that help with one op, for the ops of this folder.
#pragma once
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

class Workers {
 public:
  // Never destroyed: its threads wait until the process ends.
  static Workers& get() {
    static Workers* workers = new Workers;
    return *workers;
  }

  // Calls work(0) to work(count - 1), on the calling thread and up to threads - 1 others, and throws what one of them threw.
  void run(int threads, int count, const std::function<void(int)>& work) {
    auto job = std::make_shared<Job>(count, work);
    const int helpers = std::min(threads, count) - 1;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      // Two ops run side by side, each with its helpers.
      startUpTo(2 * (threads - 1));
      jobs_.insert(jobs_.end(), helpers, job);
    }
    for (int i = 0; i < helpers; i++) waiting_.notify_one();
    job->help();
    std::unique_lock<std::mutex> lock(job->mutex);
    job->finished.wait(lock, [&] { return job->left == 0; });
    if (job->error) std::rethrow_exception(job->error);
  }

 private:
  struct Job {
    Job(int count, const std::function<void(int)>& work) : count(count), work(work), left(count) {}

    // Helpers that come late find nothing left to begin, and do not touch the work, which may be gone.
    void help() {
      for (int i = next++; i < count; i = next++) {
        std::exception_ptr thrown;
        try {
          work(i);
        } catch (...) {
          thrown = std::current_exception();
        }
        std::lock_guard<std::mutex> lock(mutex);
        if (thrown) error = thrown;
        if (--left == 0) finished.notify_all();
      }
    }

    const int count;
    const std::function<void(int)>& work;
    std::atomic<int> next{0};
    std::mutex mutex;
    std::condition_variable finished;
    int left;
    std::exception_ptr error;
  };

  // Where the system gives no more threads, those that there are do the work.
  void startUpTo(int threads) {
    try {
      for (; threads_ < threads; threads_++) std::thread([this] { serve(); }).detach();
    } catch (const std::system_error&) {
    }
  }

  void serve() {
    for (;;) {
      std::shared_ptr<Job> job;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        waiting_.wait(lock, [&] { return !jobs_.empty(); });
        job = jobs_.front();
        jobs_.pop_front();
      }
      job->help();
    }
  }

  std::mutex mutex_;
  std::condition_variable waiting_;
  std::deque<std::shared_ptr<Job>> jobs_;
  int threads_ = 0;
};

template <typename Work>
void parallelFor(int threads, int count, const Work& work) {
  if (threads > 1 && count > 1) return Workers::get().run(threads, count, work);
  for (int i = 0; i < count; i++) work(i);
}
